// The user inspector: a room's devices, what waits for them, and what may be done.

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
let timer = 0;

async function refresh() {
  clearTimeout(timer);
  const asked = shown;
  try {
    const state = await ask(look, asked);
    if (asked === shown) {
      draw(state);
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
    setState(`${state.devices.length} devices, ${show(state.seq)} messages so far.`);
  }
  // Not while someone is at a button: it would go from under the finger.
  if (!byId("devices").contains(document.activeElement)) {
    byId("devices").replaceChildren(...state.devices.map((each) => deviceCard(each, state)));
  }
}

function deviceCard(device, state) {
  const name = device.id || "without deviceId";
  const card = make("section", { className: "control-card" });
  card.append(
    make("h2", {}, name, " ", presence(device, state)),
    make("p", { className: "control-note" }, summary(device)),
    actions(device, state, name),
  );
  if (device.messages.length) {
    card.append(waitingTable(device, state, name));
  }
  return card;
}

function presence(device, state) {
  const since = showSeconds(Math.max(0, (state.now - device.seen_at) / 1000));
  const away = device.seen_at ? `offline for ${since}` : "nobody has come yet";
  const text = device.is_online ? "online" : away;
  const badge = make("span", { className: "control-badge" }, text);
  badge.dataset.state = device.is_online ? "live" : "away";
  return badge;
}

function summary(device) {
  const resync = device.resync ? `, will be asked for a resync (${device.resync})` : "";
  return `${show(device.waiting)} messages wait, ${showBytes(device.bytes)}${resync}`;
}

function actions(device, state, name) {
  const bar = make("div", { className: "control-buttons" });
  if (state.may_manage) {
    for (const [action, label, question] of ACTIONS) {
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
  document.activeElement?.blur();
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
  const age = showSeconds(Math.max(0, (state.now - message.stored_at_ms) / 1000));
  const cells = [message.id, message.event, showBytes(message.bytes), age];
  const last = state.may_view_arguments ? argumentsCell(device, message) : "no permission";
  return make("tr", {}, ...cells.map((each) => make("td", {}, each)), make("td", {}, last));
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
  byId("done").textContent = "";
  byId("devices").replaceChildren();
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
