// All clients of a run, and what they have heard.
"use strict";

const { PollingClient } = require("./polling.js");
const { WebSocketClient } = require("./websocket.js");

const KINDS = { websocket: WebSocketClient, polling: PollingClient };
const STAMP_START = '["m","'.length;
const STAMP_LENGTH = 15; // digits
const CONNECT_TIMEOUT_MS = 20_000; // a stock client's, too
const RECONNECT_MS = 500; // a stock client waits 0.5 to 1.5 s
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
  // One that is cut before it is connected comes back, as a stock client does.
  open({ transport, ports, tokens, concurrency }) {
    const startedAt = performance.now();
    const waiting = tokens.map((token, i) => [ports[i % ports.length], token]).reverse();
    let [connected, repeated] = [0, 0];
    return new Promise((resolve, reject) => {
      const start = ([port, token]) => {
        const client = new KINDS[transport](port, token, {
          event: (data, begin, end) => this.event(data, begin, end),
          connected: () => {
            clearTimeout(timeout);
            this.clients.add(client);
            connected += 1;
            const seconds = (performance.now() - startedAt) / 1000;
            if (connected === tokens.length) resolve({ seconds, repeated });
            else if (waiting.length > 0) start(waiting.pop());
          },
          lost: () => {
            clearTimeout(timeout);
            if (this.clients.delete(client)) {
              this.lost += 1;
            } else if (++repeated > tokens.length) {
              reject(new Error(`${connected} of ${tokens.length} clients connected, ${repeated} failed`));
            } else {
              setTimeout(start, RECONNECT_MS, [port, token]);
            }
          },
        });
        const timeout = setTimeout(() => client.cut(), CONNECT_TIMEOUT_MS);
      };
      waiting.splice(-concurrency).reverse().forEach(start);
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
