// The test sender: checks while one types, sends, and follows the message to each device.

import { ask, byId, make, post } from "./dom.js";

const FOLLOW_MS = 500;
const FOLLOW_TIMES = 120; // a minute
const STATES = {
  queued: "queued: its client is away, and gets it when it comes back",
  sent: "sent, waits for its ack",
  acked: "acknowledged",
};

const SHARED = "Shared rooms: written to whoever is there; nobody acknowledges that.";
const ALL_SHARED = `${SHARED} All rooms of this site are shared, as it has no user room prefix: set one on its page to have messages kept for users.`;

const { send, progress } = byId("control").dataset;
let current = ""; // id of the message that is followed

// Return {message}, or {field, problem}.
function readMessage() {
  const rooms = byId("rooms").value.split("\n").map((room) => room.trim()).filter(Boolean);
  const event = byId("event").value.trim();
  if (!rooms.length) {
    return { field: "rooms", problem: "Rooms: name at least one." };
  }
  if (!event) {
    return { field: "event", problem: "Event: give it a name." };
  }
  try {
    const args = JSON.parse(byId("args").value || "[]");
    if (!Array.isArray(args)) {
      return { field: "args", problem: 'Arguments: a list is needed, such as ["user", 1].' };
    }
    return { message: { rooms, event, args, resync: byId("resync").checked } };
  } catch (error) {
    return { field: "args", problem: `Arguments: ${error.message}` };
  }
}

function check() {
  const { field, problem, message } = readMessage();
  for (const id of ["rooms", "event", "args"]) {
    byId(id).setAttribute("aria-invalid", String(id === field));
  }
  byId("problem").hidden = !problem;
  byId("problem").textContent = problem ?? "";
  return message;
}

async function submit() {
  const message = check();
  if (!message) {
    return;
  }
  const site = byId("site").value;
  const headers = { "Content-Type": "application/json" };
  byId("submit").disabled = true;
  try {
    const { answer, followed, has_user_rooms: hasUserRooms } = await post(send, { site }, JSON.stringify(message), headers);
    showAnswer(true, answer, followed.length > 0, answer.broadcast > 0);
    byId("broadcast").textContent = hasUserRooms ? SHARED : ALL_SHARED;
    current = answer.id;
    followed.forEach((room) => follow(site, room, answer.id));
  } catch (error) {
    showAnswer(false, error.content ?? { message: error.message }, false, false);
  } finally {
    byId("submit").disabled = false;
  }
}

function showAnswer(isGood, content, isFollowed, isBroadcast) {
  byId("outcome").hidden = false;
  byId("answer").dataset.good = String(isGood);
  byId("answer").textContent = JSON.stringify(content);
  byId("progress-title").hidden = !isFollowed;
  byId("progress").replaceChildren();
  byId("broadcast").hidden = !isBroadcast;
}

// The devices are those that are known at once: one that comes later has missed nothing.
async function follow(site, room, id) {
  const items = new Map();
  for (let i = 0; i < FOLLOW_TIMES && current === id; i += 1) {
    let states = [];
    try {
      states = await ask(progress, { site, room, id });
    } catch {
      return;
    }
    if (current !== id) {
      return;
    }
    draw(items, states, room, i === 0);
    if (states.every(({ state }) => state === "acked")) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
  }
}

function draw(items, states, room, isFirst) {
  if (isFirst && !states.length) {
    byId("progress").append(make("li", {}, `${room}: no device yet, it waits for the first.`));
  }
  for (const { device, state } of states) {
    if (isFirst) {
      items.set(device, byId("progress").appendChild(make("li")));
    }
    const item = items.get(device);
    if (item && item.dataset.state !== state) {
      item.dataset.state = state;
      item.textContent = `${room}, ${device || "without deviceId"}: ${STATES[state]}`;
    }
  }
}

byId("send").addEventListener("input", check);
byId("send").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
