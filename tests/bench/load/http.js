// An HTTP connection that is kept open: one request at a time, as little work as possible.
"use strict";

const net = require("node:net");

const HOST = "127.0.0.1";

class HttpConnection {
  constructor(port) {
    this.port = port;
    this.socket = null;
    this.text = "";
    this.answer = null; // (status, body) => void, while a request is under way
  }

  // Calls answer(status, body); status 0 = the connection broke.
  request(head, body, answer) {
    this.answer = answer;
    this._connected().write(`${head}\r\nHost: ${HOST}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  // Answer 0 once and never again.
  close() {
    this.answer = null;
    this.socket?.destroy();
  }

  _connected() {
    if (this.socket && !this.socket.destroyed) return this.socket;
    const socket = net.connect({ host: HOST, port: this.port, noDelay: true });
    socket.on("data", (data) => this._read(data));
    socket.on("error", () => {});
    socket.on("close", () => { if (socket === this.socket) this._finish(0, ""); });
    this.socket = socket;
    this.text = "";
    return socket;
  }

  _read(data) {
    this.text += data.latin1Slice();
    const end = this.text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.text.slice(0, end);
    const content = this.text.slice(end + 4);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    const body = length ? whole(content, Number(length[1])) : unchunked(content);
    if (body === null) return;
    this.text = "";
    this._finish(Number(head.slice(9, 12)), body);
  }

  _finish(status, body) {
    const answer = this.answer;
    this.answer = null;
    answer?.(status, body);
  }
}

function whole(content, length) {
  return content.length < length ? null : content.slice(0, length);
}

// Return the body that comes in chunks, null = not all of it is there yet.
function unchunked(content) {
  if (!content.endsWith("0\r\n\r\n")) return null;
  let [body, start] = ["", 0];
  while (start < content.length) {
    const line = content.indexOf("\r\n", start);
    const end = line + 2 + parseInt(content.slice(start, line), 16);
    if (end > content.length) return null;
    body += content.slice(line + 2, end);
    start = end + 2;
  }
  return body;
}

module.exports = { HttpConnection, HOST };
