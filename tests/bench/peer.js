// The peer: what a good Node developer would write instead of this service.
//
// socket.io, express, @socket.io/redis-adapter and redis doing the same work: ask authUrl,
// store what is for a user before answering, remove it when the client acks, replay it
// when the client comes back. As quick as these libraries allow:
// - `bufferutil` is there for `ws`, nothing is compressed, express does no ETags;
// - commands of one tick go to Redis in one write (node-redis joins them by itself);
// - a message for a user is emitted to this process's sockets directly and announced to
//   the others in one publish. The adapter's own broadcast with acks would ask Redis for
//   the number of processes and publish each answer, for every message.
"use strict";

const http = require("node:http");
const { createAdapter } = require("@socket.io/redis-adapter");
const express = require("express");
const { createClient } = require("redis");
const { Server } = require("socket.io");
const { Pool } = require("undici");

const { PORT = "0", REDIS_URL, AUTH_URL, API_KEY, SITE = "bench" } = process.env;
const USER_ROOM_PREFIX = "user_";
const CLIENT_TTL_SECONDS = 3600;
const AUTH_CONNECTIONS = 100;

const redis = createClient({ url: REDIS_URL });
const subscriber = redis.duplicate();
const authUrl = new URL(AUTH_URL);
const auth = new Pool(authUrl.origin, { connections: AUTH_CONNECTIONS });

const app = express();
const server = http.createServer(app);
const io = new Server(server, {
  adapter: createAdapter(redis, subscriber),
  serveClient: false,
  perMessageDeflate: false,
  httpCompression: false,
});
const namespace = io.of(`/${SITE}`);
// As Socket.IO's page on memory usage says: what is not needed any more is let go.
io.engine.on("connection", (transport) => { transport.request = null; });

let lastId = Date.now() * 1000;

// --- connecting

async function roomsOf(token) {
  const headers = { authorization: `Bearer ${token}` };
  const { statusCode, body } = await auth.request({ method: "GET", path: authUrl.pathname, headers });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error("Authentication failed");
  }
  return body.json();
}

namespace.use((socket, next) => {
  const token = socket.handshake.auth.token ?? socket.handshake.query.token;
  if (!token) return next(new Error("Authentication failed"));
  roomsOf(token).then((rooms) => { socket.data.rooms = rooms; next(); }, next);
});

namespace.on("connection", (socket) => {
  socket.join(socket.data.rooms);
  for (const room of socket.data.rooms) {
    if (isUserRoom(room)) replay(socket, room).catch(console.error);
  }
});

async function replay(socket, room) {
  const items = await redis.lRange(queueOf(room), 0, -1);
  if (items.length === 0) return;
  const events = items.map((item) => parse(item));
  socket.emit("batch", events, () => {
    for (const item of items) remove(room, item);
  });
}

// --- sending

const isUserRoom = (room) => room.startsWith(USER_ROOM_PREFIX);
const queueOf = (room) => `queue:${room}`;
// An item is `id:json`; the id makes it the only one of its text.
const parse = (item) => JSON.parse(item.slice(item.indexOf(":") + 1));

function readMessage(body) {
  const rooms = typeof body?.rooms === "string" ? [body.rooms] : body?.rooms;
  const { event, args = [] } = body ?? {};
  const isValid = Array.isArray(rooms) && rooms.length > 0
    && rooms.every((room) => typeof room === "string" && room !== "")
    && typeof event === "string" && event !== "";
  if (!isValid) return null;
  const id = String(++lastId);
  const packet = [event, ...(Array.isArray(args) ? args : [args])];
  const [own, shared] = [rooms.filter(isUserRoom), rooms.filter((room) => !isUserRoom(room))];
  const item = own.length > 0 ? `${id}:${JSON.stringify(packet)}` : "";
  return { id, packet, own, shared, item };
}

// All messages of a call in one pipeline.
async function store(messages) {
  const pipeline = redis.multi();
  let isEmpty = true;
  for (const { own, item } of messages) {
    for (const room of own) {
      pipeline.rPush(queueOf(room), item).expire(queueOf(room), CLIENT_TTL_SECONDS);
      isEmpty = false;
    }
  }
  if (!isEmpty) await pipeline.execAsPipeline();
}

function deliver(messages) {
  const announced = [];
  for (const { own, shared, packet, item } of messages) {
    if (shared.length > 0) namespace.to(shared).emit(...packet);
    for (const room of own) {
      emitHere(room, packet, item);
      announced.push([room, item]);
    }
  }
  if (announced.length > 0) namespace.serverSideEmit("stored", announced);
}

function emitHere(room, packet, item) {
  for (const sid of namespace.adapter.rooms.get(room) ?? []) {
    namespace.sockets.get(sid)?.emit(...packet, () => remove(room, item));
  }
}

// The acked message is nearly always the first of the list, where LREM finds it at once.
function remove(room, item) {
  redis.lRem(queueOf(room), 1, item).catch(console.error);
}

namespace.on("stored", (announced) => {
  for (const [room, item] of announced) {
    if (namespace.adapter.rooms.has(room)) emitHere(room, parse(item), item);
  }
});

// --- HTTP

const answer = ({ id, own, shared }) =>
  ({ ok: true, id, queued: own.length, broadcast: shared.length });
const refusal = { ok: false, error: { code: "invalid_message", message: "rooms or event" } };

function checkKey(request, response, next) {
  const { site, apiKey } = request.query;
  if (site === SITE && apiKey === API_KEY) return next();
  response.status(401).json({ ok: false, error: { code: "invalid_api_key" } });
}

app.disable("x-powered-by").disable("etag").set("query parser", "simple");
app.use(checkKey, express.json({ limit: "1mb" }));

app.post("/send", async (request, response) => {
  const message = readMessage(request.body);
  if (!message) return response.status(400).json(refusal);
  if (message.own.length > 0) await store([message]);
  deliver([message]);
  response.json(answer(message));
});

app.post("/send/batch", async (request, response) => {
  if (!Array.isArray(request.body)) return response.status(400).json(refusal);
  const read = request.body.map(readMessage);
  const messages = read.filter(Boolean);
  await store(messages);
  deliver(messages);
  response.json(read.map((message) => (message ? answer(message) : refusal)));
});

async function main() {
  await Promise.all([redis.connect(), subscriber.connect()]);
  server.listen(Number(PORT), "127.0.0.1", 8192, () =>
    console.log(`Listening on http://127.0.0.1:${server.address().port}`));
  process.on("SIGTERM", () => process.exit(0));
}

main();
