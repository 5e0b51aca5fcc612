// A Socket.IO client over long-polling: asks, counts what has come, asks again.
"use strict";

const { HttpConnection } = require("./http.js");
const { SITE } = require("./websocket.js");

const PATH = "/socket.io/?EIO=4&transport=polling";
const SEPARATOR = "\x1e";

class PollingClient {
  constructor(port, token, report) {
    this.token = token;
    this.report = report;
    this.polling = new HttpConnection(port);
    this.posting = new HttpConnection(port);
    this.path = PATH;
    this._poll();
  }

  cut() { this.polling.socket.destroy(); }

  close() {
    this.report = null;
    this.polling.close();
    this.posting.close();
  }

  _poll() {
    this.polling.request(`GET ${this.path} HTTP/1.1`, "", (status, body) => {
      if (!this.report) return;
      if (status !== 200) {
        this.report.lost();
        return this.close();
      }
      for (const packet of body.split(SEPARATOR)) this._readPacket(packet);
      this._poll();
    });
  }

  _post(packet) {
    const head = `POST ${this.path} HTTP/1.1\r\nContent-Type: text/plain;charset=UTF-8`;
    this.posting.request(head, packet, () => {});
  }

  _readPacket(packet) {
    if (packet.startsWith("42")) return this._readEvent(packet);
    if (packet.startsWith("2")) return this._post("3");
    if (packet.startsWith("40")) {
      return this.report?.connected();
    }
    if (packet.startsWith("0")) {
      this.path = `${PATH}&sid=${JSON.parse(packet.slice(1)).sid}`;
      return this._post(`40/${SITE},{"token":"${this.token}"}`);
    }
  }

  _readEvent(packet) {
    const text = Buffer.from(packet.slice(packet.indexOf("[")), "latin1");
    this.report?.event(text, 0, text.length);
  }
}

module.exports = { PollingClient };
