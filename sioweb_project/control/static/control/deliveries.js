// The last deliveries of a room, below its devices: one row a message, which opens to its receipt.

import { ask, byId, make } from "./dom.js";

const { recent, receipt } = byId("control").dataset;
const opened = new Map(); // id of a message -> its receipt, as it was read when it was opened
let drawn = ""; // what is on the page

export async function showDeliveries(shown, isStill) {
  const { is_on: isOn, messages } = await ask(recent, shown);
  const drawing = JSON.stringify([shown, isOn, messages]);
  if (!isStill() || drawing === drawn) {
    return;
  }
  drawn = drawing;
  byId("deliveries").hidden = false;
  byId("deliveries-note").textContent = note(isOn, messages.length);
  const rows = messages.map((each) => deliveryRow(each, shown));
  byId("deliveries-rows").replaceChildren(...rows);
  byId("deliveries-table").hidden = !messages.length;
}

export function forgetDeliveries() {
  opened.clear();
  drawn = "";
  byId("deliveries").hidden = true;
}

function note(isOn, count) {
  if (!isOn) {
    return "Receipts are switched off in config.yml.";
  }
  return count ? "Of the last hour, newest first." : "None within the last hour.";
}

function deliveryRow(message, shown) {
  const states = make("ul", { className: "control-progress" }, ...message.devices.map(deviceItem));
  const when = new Date(message.at).toLocaleTimeString();
  const cells = [receiptCell(message, shown), message.event, when, states];
  return make("tr", {}, ...cells.map((each) => make("td", {}, each)));
}

function deviceItem({ device, state, reason, ...times }) {
  const at = times[`${state}_at`];
  const why = reason ? ` (${reason})` : "";
  const when = at ? ` at ${new Date(at).toLocaleTimeString()}` : "";
  const item = make("li", {}, `${device || "without deviceId"}: ${state}${why}${when}`);
  item.dataset.state = state;
  return item;
}

// A native <details>, so that the keyboard and screen readers know it.
function receiptCell(message, shown) {
  const text = make("pre", { className: "control-code" }, opened.get(message.id) ?? "");
  const head = make("summary", {}, message.id);
  const cell = make("details", { open: opened.has(message.id) }, head, text);
  head.setAttribute("aria-label", `Receipt of message ${message.id}`);
  cell.addEventListener("toggle", async () => {
    if (!cell.open) {
      opened.delete(message.id);
    } else if (!opened.has(message.id)) {
      text.textContent = await readReceipt(message.id, shown);
      opened.set(message.id, text.textContent);
    }
  });
  return cell;
}

async function readReceipt(id, shown) {
  try {
    return JSON.stringify(await ask(receipt, { site: shown.site, id }), null, 2);
  } catch (error) {
    return error.message;
  }
}
