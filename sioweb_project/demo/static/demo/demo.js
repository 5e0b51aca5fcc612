// The demo page: one client of the demo site, and what it sees.
// Puts the parts together; each part knows its own elements of the page.

import { Acks } from "./acks.js";
import { Connection } from "./connection.js";
import { EventLog } from "./event_log.js";
import { SendForm } from "./send_form.js";

const { site, apiKey, userRoomPrefix, socketioPath } = document.body.dataset;

const log = new EventLog();
const acks = new Acks();
const sendForm = new SendForm({ site, apiKey, userRoomPrefix });

new Connection({
  site,
  path: socketioPath,
  userRoomPrefix,
  onUser: (name) => sendForm.addressUser(name),
  onConnected: (socket) => log.addNote(`Connected as ${socket.id}`),
  onRefused: (text) => log.addNote(text, "bad"),
  onDisconnected: (reason) => {
    log.addNote(`Disconnected: ${reason}`, "bad");
    // An ack belongs to the connection its message came over.
    acks.drop("comes again");
  },
  onEvent: (event, args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : null;
    if (event === "resync") {
      acks.drop("dropped");
    }
    acks.take(log.addEvent(event, args), ack);
  },
}).open();
