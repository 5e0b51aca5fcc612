// A page written for the later versions of the Node service, on a stock client; each call is one
// line out. Arguments: URL, with its token and deviceId. `_resync` ends it, as it ends a page.
"use strict";

const { io } = require("socket.io-client");

function print(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

const socket = io(process.argv[2]);
const handlers = {
  // An entity that the page cannot store: its callback is never called.
  update_store(entityType, entity, done) {
    print(["update_store", entityType, entity, typeof done]);
    if (done && !entity.broken) done();
  },
};

socket.on("connect", () => print(["connect"]));
socket.on("_settings", (settings) => print(["_settings", settings]));
socket.on("_batch", (events, done) => {
  print(["_batch", events.length]);
  events.forEach(([event, ...args]) => handlers[event](...args));
  done();
});
socket.on("_resync", () => {
  print(["_resync"]);
  process.exit(0);
});
Object.entries(handlers).forEach(([event, handler]) => socket.on(event, handler));

process.stdin.on("end", () => process.exit(0)).resume();
