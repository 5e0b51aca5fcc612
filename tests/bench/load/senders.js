// Who calls /send: as many calls as the clients keep up with, or so many a second.
"use strict";

const { stampNow, writeStamp, STAMP_LENGTH } = require("./crowd.js");
const { HttpConnection } = require("./http.js");
const { SITE } = require("./websocket.js");

const MESSAGE_BYTES = 200; // of the JSON text of event and arguments
const PADDING = "x".repeat(MESSAGE_BYTES - '["m","",""]'.length - STAMP_LENGTH);
const SETTLE_MS = 10_000; // after the last call, for everything to arrive
const SETTLE_CHECK_MS = 2;
const TICK_MS = 1;

// plan: { ports, key, rooms, perCall, deliveries, connections, window, seconds, rate }
// deliveries = how many a call causes; window = calls whose deliveries may be under way;
// rate = calls a second, 0 = as many as go.
class Senders {
  constructor(crowd, plan) {
    this.crowd = crowd;
    this.plan = plan;
    const path = plan.perCall > 1 ? "/send/batch" : "/send";
    this.head = `POST ${path}?site=${SITE}&apiKey=${plan.key} HTTP/1.1\r\nContent-Type: application/json`;
    this.idle = Array.from({ length: plan.connections },
      (_, i) => new HttpConnection(plan.ports[i % plan.ports.length]));
    this.calls = 0;
    this.answers = 0;
    this.refused = {}; // {status: how many}, 0 = the connection broke
    this.rooms = 0;
    this.deliveredBefore = crowd.delivered;
    this.lostBefore = crowd.lost;
    this.isStopped = false;
  }

  // Measures from the first call to the last delivery, so that nothing is counted in part.
  async run() {
    const { seconds, rate } = this.plan;
    const startedAt = performance.now();
    const startedCpu = process.cpuUsage();
    this.crowd.onDelivery = () => this._fill();
    this.crowd.delays = rate > 0 ? [] : null;
    const pacing = rate > 0 ? this._pace(rate) : null;
    this._fill();
    await pause(seconds * 1000);
    clearInterval(pacing);
    this.isStopped = true;
    await this._settle();
    const cpu = process.cpuUsage(startedCpu);
    const elapsedMs = performance.now() - startedAt;
    return {
      seconds: elapsedMs / 1000,
      delivered: this._delivered(),
      answers: this.answers,
      missing: this.calls * this.plan.deliveries - this._delivered(),
      refused: this.refused,
      lost: this.crowd.lost - this.lostBefore,
      generatorLoad: (cpu.user + cpu.system) / 1000 / elapsedMs,
      delaysMs: this._takeDelays(),
    };
  }

  _takeDelays() {
    const { delays } = this.crowd;
    this.crowd.delays = null;
    return delays ? percentiles(delays) : null;
  }

  _delivered() { return this.crowd.delivered - this.deliveredBefore; }

  _isDue() {
    const { window, deliveries, rate } = this.plan;
    if (this.isStopped || rate > 0) return false;
    return this.calls * deliveries - this._delivered() <= (window - 1) * deliveries;
  }

  _fill() {
    while (this.idle.length > 0 && this._isDue()) this._call(stampNow());
  }

  // A call counts from when it was due, also when all connections are busy then.
  _pace(rate) {
    const startedAt = stampNow();
    let due = 0;
    return setInterval(() => {
      const now = stampNow();
      while (startedAt + due * 1e6 / rate <= now) {
        if (this.idle.length === 0) this.idle.push(new HttpConnection(this.plan.ports[0]));
        this._call(Math.round(startedAt + due++ * 1e6 / rate));
      }
    }, TICK_MS);
  }

  _call(stamp) {
    const connection = this.idle.pop();
    this.calls += 1;
    connection.request(this.head, this._body(stamp), (status) => {
      this.answers += 1;
      if (status !== 200) this.refused[status] = (this.refused[status] ?? 0) + 1;
      this.idle.push(connection);
      this._fill();
    });
  }

  _body(stamp) {
    const { rooms, perCall } = this.plan;
    const messages = [];
    for (let i = 0; i < perCall; i += 1) {
      const room = rooms[this.rooms++ % rooms.length];
      messages.push(`{"rooms":["${room}"],"event":"m","args":["${writeStamp(stamp)}","${PADDING}"]}`);
    }
    return perCall > 1 ? `[${messages.join(",")}]` : messages[0];
  }

  async _settle() {
    const until = performance.now() + SETTLE_MS;
    const isDone = () => this.answers === this.calls
      && this._delivered() >= this.calls * this.plan.deliveries;
    while (!isDone() && performance.now() < until) await pause(SETTLE_CHECK_MS);
    this.crowd.onDelivery = () => {};
    for (const connection of this.idle) connection.close();
  }
}

function percentiles(delays) {
  delays.sort((a, b) => a - b);
  const at = (share) => delays[Math.min(delays.length - 1, Math.floor(share * delays.length))] / 1000;
  return delays.length === 0 ? null : { p50: at(0.5), p99: at(0.99), count: delays.length };
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

module.exports = { Senders };
