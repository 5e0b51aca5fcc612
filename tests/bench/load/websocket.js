// A Socket.IO client over websocket that does nothing but count, so that thousands fit in
// one thread beside the server that is measured.
"use strict";

const net = require("node:net");
const { HOST } = require("./http.js");

const SITE = "bench";
const HANDSHAKE = `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${HOST}\r\n`
  + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
  + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const EVENT_START = `42/${SITE},`.length;
const [OPEN, PING, MESSAGE] = [0x30, 0x32, 0x34]; // Engine.IO: "0", "2", "4"
const [CONNECT, EVENT] = [0x30, 0x32]; // Socket.IO behind a "4": "0", "2"
const BRACKET = 0x5b;
const [TEXT_FRAME, CLOSE_FRAME, PING_FRAME] = [0x81, 0x88, 0x89];
// All sockets read into the same memory: what comes is counted before the next read.
const shared = Buffer.allocUnsafeSlow(256 * 1024);

class WebSocketClient {
  // report: { connected(), event(buffer, start, end), lost() }
  constructor(port, token, report) {
    this.token = token;
    this.report = report;
    this.isUpgraded = false;
    this.rest = null; // of a frame that has not come whole
    this.socket = net.connect({
      host: HOST, port, noDelay: true,
      onread: { buffer: shared, callback: (count) => this._read(shared, count) },
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => { if (this.report) this.report.lost(); });
    this.socket.write(HANDSHAKE);
  }

  // As when the network goes away; reports that the client is lost.
  cut() { this.socket.destroy(); }

  close() {
    this.report = null;
    this.socket.destroy();
  }

  _read(buffer, count) {
    let data = buffer.subarray(0, count);
    if (this.rest) {
      data = Buffer.concat([this.rest, data]);
      this.rest = null;
    }
    const used = this.isUpgraded ? this._readFrames(data, 0) : this._readHandshake(data);
    if (used < data.length) this.rest = Buffer.from(data.subarray(used));
    return true;
  }

  _readHandshake(data) {
    const end = data.indexOf("\r\n\r\n");
    if (end < 0) return 0;
    if (!data.latin1Slice(0, 12).endsWith("101")) {
      this.socket.destroy();
      return data.length;
    }
    this.isUpgraded = true;
    return this._readFrames(data, end + 4);
  }

  // Return where the first frame begins that is not whole.
  _readFrames(data, start) {
    while (start + 2 <= data.length) {
      let length = data[start + 1];
      let payload = start + 2;
      if (length === 126) {
        if (start + 4 > data.length) break;
        length = data.readUInt16BE(start + 2);
        payload = start + 4;
      } else if (length === 127) {
        if (start + 10 > data.length) break;
        length = Number(data.readBigUInt64BE(start + 2));
        payload = start + 10;
      }
      const end = payload + length;
      if (end > data.length) break;
      this._readFrame(data[start], data, payload, end);
      start = end;
    }
    return start;
  }

  _readFrame(kind, data, start, end) {
    if (kind === TEXT_FRAME) return this._readPacket(data, start, end);
    if (kind === PING_FRAME) return this._write(0x8a, data.latin1Slice(start, end));
    if (kind === CLOSE_FRAME) return this.socket.destroy();
    throw new Error(`a frame of kind ${kind} was not expected`);
  }

  _readPacket(data, start, end) {
    const type = data[start];
    if (type === MESSAGE && data[start + 1] === EVENT) return this._readEvent(data, start, end);
    if (type === OPEN) return this._send(`40/${SITE},{"token":"${this.token}"}`);
    if (type === PING) return this._send("3");
    if (type === MESSAGE && data[start + 1] === CONNECT) {
      return this.report?.connected();
    }
    return this.socket.destroy(); // CONNECT_ERROR, DISCONNECT, close
  }

  _readEvent(data, start, end) {
    const id = start + EVENT_START;
    let text = id;
    while (data[text] !== BRACKET) text += 1;
    if (text > id) this._send(`43/${SITE},${data.latin1Slice(id, text)}[]`);
    this.report?.event(data, text, end);
  }

  _send(text) { this._write(TEXT_FRAME, text); }

  // The mask is 0, which leaves the text as it is. Nothing longer than 125 bytes is sent.
  _write(kind, text) {
    const frame = Buffer.allocUnsafe(6 + text.length);
    frame.writeUInt32BE(0, 2);
    frame[0] = kind;
    frame[1] = 0x80 | text.length;
    frame.latin1Write(text, 6);
    this.socket.write(frame);
  }
}

module.exports = { WebSocketClient, SITE };
