// Hundreds of stock clients for the fault harness, driven over stdin and stdout.
//
// In:  {"command": "open", "client", "token", "device", "acks", "renames", "urls"} or
//      {"command": "cut" | "mute" | "unmute" | "leave" | "back" | "close", "client"}
// Out: ["c", client, connection, device]      connected for the n-th time
//      ["d", client, connection]              disconnected
//      ["m", client, connection, [n, ...]]    messages of the user's room, in the order heard
//      ["s", client, connection, n]           a message of the shared room
//      ["r", client, connection, reason]      resync
"use strict";

const readline = require("node:readline");
const { io } = require("../e2e/node_modules/socket.io-client");

const RETRY_MS = 500; // a page that was refused tries again after this long
const clients = new Map();

function report(...fields) {
  process.stdout.write(JSON.stringify(fields) + "\n");
}

// A page behind a load balancer: each attempt may reach another process.
function rotate(client) {
  client.attempt += 1;
  client.socket.io.uri = client.urls[client.attempt % client.urls.length];
}

function watch(client) {
  const { socket, name } = client;
  socket.on("connect", () => report("c", name, ++client.connection, client.device));
  socket.on("disconnect", () => report("d", name, client.connection));
  socket.on("connect_error", () => {
    rotate(client);
    if (!socket.active) setTimeout(() => socket.connect(), RETRY_MS);
  });
  socket.io.on("reconnect_attempt", () => rotate(client));
  socket.on("m", (n, done) => {
    report("m", name, client.connection, [n]);
    if (client.acks) done();
  });
  socket.on("batch", (events, done) => {
    report("m", name, client.connection, events.map(([, n]) => n));
    if (client.acks) done();
  });
  socket.on("s", (n) => report("s", name, client.connection, n));
  socket.on("resync", ({ reason }) => report("r", name, client.connection, reason));
}

function auth(client) {
  if (client.renames) client.device = `${client.name}-${client.connection}`;
  return { token: client.token, deviceId: client.device };
}

function network(client) {
  return client.socket.io.engine?.transport?.ws?._socket;
}

const commands = {
  open({ client: name, urls, ...rest }) {
    const client = { name, urls, attempt: clients.size, connection: 0, ...rest };
    client.socket = io(urls[client.attempt % urls.length] + "/faults", {
      auth: (give) => give(auth(client)),
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 100,
      reconnectionDelayMax: 1000,
    });
    clients.set(name, client);
    watch(client);
  },
  cut: (client) => network(client)?.destroy(),
  mute: (client) => network(client)?.pause(),
  unmute: (client) => network(client)?.resume(),
  leave: ({ socket }) => socket.disconnect(),
  back: ({ socket }) => socket.connect(),
  close: ({ socket }) => socket.disconnect(),
};

readline.createInterface({ input: process.stdin })
  .on("line", (line) => {
    const fields = JSON.parse(line);
    if (fields.command === "open") commands.open(fields);
    else commands[fields.command](clients.get(fields.client));
  })
  .on("close", () => process.exit(0));
