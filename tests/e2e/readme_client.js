// The handlers of the Node service's README, on a stock client; each call is one line out.
// Arguments: URL. `resync` ends the process, as it ends a page.
"use strict";

const { io } = require("socket.io-client");

function print(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

const window = globalThis;
const socket = io(process.argv[2]);

socket.on("connect", () => print(["connect"]));
socket.on("batch", batch);
socket.on("update_store", update_store);
socket.on("resync", function() {
  print(["resync"]);
  process.exit(0);
});

window.update_store = update_store;

function batch(events, successCallback) {
  print(["batch", events.length]);
  events.forEach(function(args) {
    var event = args[0]; // e.g. update_store
    var eventArgs = args.slice(1);
    window[event].apply(this, eventArgs);
  });
  successCallback();
}

function update_store(entityType, entity, successCallback) {
  print(["update_store", entityType, entity, typeof successCallback]);
  if (successCallback) {
    successCallback();
  }
}

process.stdin.on("end", () => process.exit(0)).resume();
