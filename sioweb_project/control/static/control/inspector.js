// The user inspector: a room's devices, what waits for them, and what may be done.

import { forgetDeliveries, showDeliveries } from "./deliveries.js";
import { ask, byId, make, post, show, showBytes, showSeconds } from "./dom.js";

const REFRESH_MS = 2_000; // while a room is shown
const ACTIONS = [
  ["disconnect", "Disconnect", "Disconnect this device? Its client comes back by itself."],
  ["clear", "Clear queue", "Drop all that waits for this device? Its client is not told."],
  ["resync", "Ask for resync", "Drop all that waits, and ask the client to reload everything?"],
];

const { look, arguments: argumentsUrl, act, sender } = byId("control").dataset;
const opened = new Map(); // "device seq" -> arguments that were asked for
let shown = null; // {site, room} on the page
let drawn = ""; // what the cards on the page are made from
let timer = 0;

async function refresh() {
  clearTimeout(timer);
  const asked = shown;
  try {
    const state = await ask(look, asked);
    if (asked === shown) {
      draw(state);
      if (state.is_user_room) {
        await showDeliveries(asked, () => asked === shown);
      }
    }
  } catch (error) {
    setState(error.message);
  }
  if (asked === shown) {
    timer = setTimeout(refresh, REFRESH_MS);
  }
}

function draw(state) {
  if (!state.is_user_room) {
    setState("Not a user room: it begins with no userRoomPrefix, and nothing is kept for it.");
  } else if (!state.devices.length) {
    setState("No device has come to this room of late, and nothing waits.");
  } else {
    setState(`Devices: ${state.devices.length}. Messages sent to this room so far: ${show(state.seq)}.`);
  }
  // Only what has changed: a button would go from under the finger, or lose the focus.
  const drawing = JSON.stringify([state.devices.map(lasting), state.may_manage]);
  if (drawing !== drawn) {
    drawn = drawing;
    byId("devices").replaceChildren(...state.devices.map((each) => deviceCard(each, state)));
  }
  showAges(state.now);
}

// Leave out the end of a lease, which is renewed all the time.
function lasting(device) {
  return device.is_online ? { ...device, seen_at: 0 } : device;
}

// Mark an element as one that shows how long ago something was.
function age(element, since, before = "") {
  Object.assign(element.dataset, { since, before });
  return element;
}

function showAges(now) {
  for (const element of document.querySelectorAll("[data-since]")) {
    const { since, before } = element.dataset;
    element.textContent = before + showSeconds(Math.max(0, (now - Number(since)) / 1000));
  }
}

function deviceCard(device, state) {
  const name = device.id || "without deviceId";
  const card = make("section", { className: "control-card" });
  card.append(
    make("h2", {}, name, " ", presence(device)),
    make("p", { className: "control-note" }, summary(device)),
    actions(device, state, name),
  );
  if (device.messages.length) {
    card.append(waitingTable(device, state, name));
  }
  return card;
}

function presence(device) {
  const text = device.is_online ? "online" : "nobody has come yet";
  const badge = make("span", { className: "control-badge" }, text);
  badge.dataset.state = device.is_online ? "live" : "away";
  return device.is_online || !device.seen_at ? badge : age(badge, device.seen_at, "offline for ");
}

function summary(device) {
  const resync = device.resync ? `, will be asked for a resync (${device.resync})` : "";
  const waits = device.waiting === 1 ? "1 message waits" : `${show(device.waiting)} messages wait`;
  return `${waits}, ${showBytes(device.bytes)}${resync}`;
}

function actions(device, state, name) {
  const bar = make("div", { className: "control-buttons" });
  if (state.may_manage) {
    const possible = ACTIONS.filter(([action]) => device.is_online || action !== "disconnect");
    for (const [action, label, question] of possible) {
      const button = make("button", { type: "button" }, label);
      button.setAttribute("aria-label", `${label}: ${name}`);
      button.addEventListener("click", () => perform(action, device, question));
      bar.append(button);
    }
  }
  if (sender) {
    bar.append(make("a", { href: `${sender}?${new URLSearchParams(shown)}` }, "Send a test message"));
  }
  return bar;
}

async function perform(action, device, question) {
  if (!confirm(question)) {
    return;
  }
  try {
    const fields = new URLSearchParams({ ...shown, device: device.id, action });
    byId("done").textContent = (await post(act, {}, fields)).message;
  } catch (error) {
    byId("done").textContent = error.message;
  }
  await refresh();
}

function waitingTable(device, state, name) {
  const head = ["Message", "Event", "Size", "Waits for", "Arguments"];
  const row = make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)));
  const body = make("tbody", {}, ...device.messages.map((each) => waitingRow(device, each, state)));
  const table = make("table", { className: "control-table" }, make("thead", {}, row), body);
  const scroll = make("div", { className: "control-scroll", tabIndex: 0 }, table);
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `What waits for ${name}`);
  return scroll;
}

function waitingRow(device, message, state) {
  const texts = [message.id, message.event, showBytes(message.bytes)];
  const last = state.may_view_arguments ? argumentsCell(device, message) : "no permission";
  const cells = texts.map((each) => make("td", {}, each));
  const waits = age(make("td"), message.stored_at_ms);
  return make("tr", {}, ...cells, waits, make("td", {}, last));
}

function argumentsCell(device, message) {
  const key = `${device.id} ${message.seq}`;
  if (opened.has(key)) {
    return make("code", {}, opened.get(key));
  }
  const button = make("button", { type: "button" }, "Show");
  button.setAttribute("aria-label", `Show the arguments of message ${message.id}`);
  button.addEventListener("click", async () => {
    const parameters = { ...shown, device: device.id, seq: message.seq };
    try {
      opened.set(key, JSON.stringify((await ask(argumentsUrl, parameters)).args));
    } catch (error) {
      opened.set(key, error.message);
    }
    button.replaceWith(make("code", {}, opened.get(key)));
  });
  return button;
}

function setState(text) {
  if (byId("state").textContent !== text) {
    byId("state").textContent = text;
  }
}

function start() {
  shown = { site: byId("site").value, room: byId("room").value };
  opened.clear();
  forgetDeliveries();
  byId("done").textContent = "";
  byId("devices").replaceChildren();
  drawn = "";
  history.replaceState(null, "", `?${new URLSearchParams(shown)}`);
  refresh();
}

byId("room-form").addEventListener("submit", (submit) => {
  submit.preventDefault();
  start();
});
if (byId("room").value && byId("site").value) {
  start();
}
