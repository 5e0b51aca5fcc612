// Socket.IO clients for the end-to-end tests, driven over stdin and stdout.
//
// Each line in is a command {"command", "client", ...}; each line out is a report
// {"client", "kind", ...}. Which kinds there are is to be read in `watch`.
"use strict";

const readline = require("node:readline");

const LIBRARIES = { 4: "socket.io-client", 3: "socket.io-client-3", 2: "socket.io-client-2" };
const clients = new Map(); // name -> {socket, callbacks}

function report(client, kind, fields) {
  process.stdout.write(JSON.stringify({ client, kind, ...fields }) + "\n");
}

function transportName(socket) {
  return socket.io.engine.transport.name;
}

function watch(name, { socket, callbacks, withholdAcks }) {
  socket.on("connect", () => report(name, "connect", {
    transport: transportName(socket), recovered: Boolean(socket.recovered),
  }));
  socket.on("disconnect", (reason) => report(name, "disconnect", { reason }));
  socket.on("connect_error", (error) =>
    report(name, "connect_error", { message: error.message, data: error.data ?? null }));
  socket.io.on("open", () =>
    socket.io.engine.on("upgrade", ({ name: transport }) => report(name, "upgrade", { transport })));
  socket.onAny?.((event, ...args) => {
    const callback = typeof args.at(-1) === "function" ? args.pop() : null;
    const ack = callback ? callbacks.push(callback) - 1 : null;
    report(name, "event", { event, args, ack });
    if (callback && !withholdAcks) callback();
  });
}

const commands = {
  open(name, { version, url, fallback, options, withholdAcks }) {
    const library = require(LIBRARIES[version]);
    const io = library.io ?? library; // in 2 the module is the function
    const client = {
      socket: io(url, { ...options, autoConnect: false }), callbacks: [], withholdAcks,
    };
    clients.set(name, client);
    // As when a load balancer sends whoever comes again to another process.
    if (fallback) client.socket.io.on("reconnect_attempt", () => { client.socket.io.uri = fallback; });
    watch(name, client);
    client.socket.connect();
  },
  connect(name) { clients.get(name).socket.connect(); },
  disconnect(name) { clients.get(name).socket.disconnect(); },
  // As when the network goes away: no close frame, no packet.
  cut(name) { clients.get(name).socket.io.engine.transport.ws.terminate(); },
  ack(name, { number, args }) { clients.get(name).callbacks[number](...args); },
  emit(name, { event, args }) { clients.get(name).socket.emit(event, ...args); },
  // As when a page is left; they do not come again.
  closeAll() {
    for (const { socket } of clients.values()) socket.disconnect();
    clients.clear();
    // Loaded anew, a library knows no connection that a namespace could share (`forceNew: false`).
    for (const library of Object.values(LIBRARIES)) delete require.cache[require.resolve(library)];
    report(null, "all closed");
  },
};

readline.createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { command, client, ...fields } = JSON.parse(line);
    commands[command](client, fields);
  })
  .on("close", () => process.exit(0));
