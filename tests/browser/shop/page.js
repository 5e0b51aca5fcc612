// A page of the site under test: the official client, one socket for each device it is told of.

const UNFINISHED = "unfinished"; // an event whose work is never done
const query = new URLSearchParams(location.search);

function line(list, text) {
  const item = document.createElement("li");
  item.textContent = text;
  document.getElementById(list).append(item);
  return item;
}

function openDevice(deviceId) {
  const auth = { token: query.get("token"), deviceId };
  // Each websocket is a connection of its own, and may be with another process than the last;
  // a poll would go over one that the browser has kept open.
  const transports = ["websocket"];
  const socket = io(query.get("namespace"), { auth, transports, forceNew: true });
  const row = line("devices", deviceId);
  const show = (state) => {
    row.dataset.state = state;
  };
  show("connecting");
  socket.on("connect", () => show("connected"));
  socket.on("disconnect", () => show(socket.active ? "lost" : "gone"));
  socket.on("connect_error", () => show(socket.active ? "lost" : "refused"));
  socket.onAny((event, ...args) => {
    const done = typeof args.at(-1) === "function" ? args.pop() : null;
    line("events", `${deviceId}: ${event} ${JSON.stringify(args)}`);
    if (event !== UNFINISHED) {
      done?.();
    }
  });
}
