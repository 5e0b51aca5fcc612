// All clients of a run, and what they have heard.
"use strict";

const { PollingClient } = require("./polling.js");
const { WebSocketClient } = require("./websocket.js");

const KINDS = { websocket: WebSocketClient, polling: PollingClient };
const STAMP_START = '["m","'.length;
const STAMP_LENGTH = 15; // digits
const BATCH = 0x62; // the "b" of `["batch",...`

class Crowd {
  constructor() {
    this.clients = new Set();
    this.delivered = 0;
    this.batches = 0;
    this.lost = 0;
    this.delays = null; // microseconds from the stamp to now, while they are wanted
    this.onDelivery = () => {};
  }

  event(data, start, end) {
    if (data[start + 2] === BATCH) {
      this.batches += 1;
      return;
    }
    this.delivered += 1;
    if (this.delays) this.delays.push(stampNow() - readStamp(data, start));
    this.onDelivery();
  }

  // Connect one client for each token, `concurrency` at a time; resolve with the seconds.
  open({ transport, ports, tokens, concurrency }) {
    const startedAt = performance.now();
    let [next, connected] = [0, 0];
    return new Promise((resolve, reject) => {
      const report = {
        event: (data, start, end) => this.event(data, start, end),
        lost: (client) => {
          if (this.clients.delete(client)) this.lost += 1;
          else reject(new Error(`client ${connected} of ${tokens.length} was refused`));
        },
        connected: (client) => {
          this.clients.add(client);
          connected += 1;
          if (connected === tokens.length) resolve((performance.now() - startedAt) / 1000);
          else if (next < tokens.length) start();
        },
      };
      const start = () => {
        const number = next++;
        new KINDS[transport](ports[number % ports.length], tokens[number], report);
      };
      while (next < Math.min(concurrency, tokens.length)) start();
    });
  }

  closeAll() {
    for (const client of this.clients) client.close();
    this.clients.clear();
  }
}

// Microseconds since this process began, as 15 digits in messages.
function stampNow() {
  return Math.round(performance.now() * 1000);
}

function readStamp(data, start) {
  let stamp = 0;
  for (let i = start + STAMP_START; i < start + STAMP_START + STAMP_LENGTH; i += 1) {
    stamp = stamp * 10 + data[i] - 0x30;
  }
  return stamp;
}

const writeStamp = (stamp) => String(stamp).padStart(STAMP_LENGTH, "0");

module.exports = { Crowd, stampNow, writeStamp, STAMP_LENGTH };
