// The client's connection: open, cut, offline and back; its state as the page shows it.

const DEVICE_KEY = "demo.device";
const byId = (id) => document.getElementById(id);

export class Connection {
  #options;
  #socket = null;

  // options: site, path, userRoomPrefix, and the functions onUser(name), onConnected(socket),
  // onDisconnected(reason), onRefused(text), onEvent(event, args)
  constructor(options) {
    this.#options = options;
    byId("device").value = stableDevice();
    byId("connect").addEventListener("submit", (submit) => {
      submit.preventDefault();
      this.open();
    });
    byId("cut").addEventListener("click", () => this.#socket.io.engine.close());
    byId("offline").addEventListener("click", () => this.#toggleOffline());
  }

  // Connect as the user and device of the form, in place of the connection before.
  open() {
    this.#socket?.disconnect();
    const { site, path, onUser } = this.#options;
    const token = byId("name").value.trim();
    const deviceId = byId("device").value.trim();
    localStorage.setItem(DEVICE_KEY, deviceId);
    onUser(token);
    this.#socket = io(`/${site}`, { path, auth: { token, deviceId }, forceNew: true });
    this.#listen(this.#socket, token);
    this.#show("waiting", "Connecting…");
  }

  #listen(socket, token) {
    const { onConnected, onDisconnected, onRefused, onEvent } = this.#options;
    socket.on("connect", () => {
      this.#show("connected", "Connected");
      this.#showRooms(token);
      onConnected(socket);
    });
    socket.on("disconnect", (reason) => {
      this.#showStopped(socket);
      onDisconnected(reason);
    });
    socket.on("connect_error", (error) => {
      this.#showStopped(socket, error.message);
      // While the socket is active the client tries again by itself.
      onRefused(socket.active ? `${error.message}, trying again` : `Refused: ${error.message}`);
    });
    socket.onAny((event, ...args) => onEvent(event, args));
    socket.io.on("open", () => {
      socket.io.engine.on("upgrade", () => this.#showFacts());
    });
  }

  #toggleOffline() {
    if (this.#socket.active) {
      this.#socket.disconnect();
    } else {
      this.#socket.connect();
      this.#show("waiting", "Connecting…");
    }
  }

  #showStopped(socket, refusal = "") {
    if (socket.active) {
      this.#show("waiting", "Connection lost, coming back…");
    } else if (refusal) {
      this.#show("refused", `Refused: ${refusal}`);
    } else {
      this.#show("offline", "Offline");
    }
  }

  #show(state, text) {
    const isActive = this.#socket.active;
    byId("state").dataset.state = state;
    byId("state").textContent = text;
    byId("cut").disabled = state !== "connected";
    byId("offline").textContent = isActive ? "Go offline" : "Come back";
    this.#showFacts();
  }

  #showFacts() {
    const { connected, id, io: manager } = this.#socket;
    byId("transport").textContent = connected ? manager.engine.transport.name : "–";
    byId("sid").textContent = connected ? id : "–";
    if (!connected) {
      byId("rooms").textContent = "–";
    }
  }

  // The client is not told its rooms; the page asks the demo site, as the service does.
  async #showRooms(token) {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch("rooms", { headers });
    const rooms = answer.ok ? await answer.json() : [];
    byId("rooms").replaceChildren(...rooms.map((room) => this.#chip(room)));
  }

  #chip(room) {
    const isStored = room.startsWith(this.#options.userRoomPrefix);
    const chip = document.createElement("span");
    chip.className = isStored ? "chip stored" : "chip";
    chip.textContent = room;
    chip.title = isStored ? "User room: kept until acknowledged" : "Shared room: sent once";
    return chip;
  }
}

// The same id at each visit of this browser.
function stableDevice() {
  const stored = localStorage.getItem(DEVICE_KEY);
  return stored ?? `browser-${crypto.getRandomValues(new Uint16Array(1))[0].toString(16)}`;
}
