// The log of events, newest first.

const LONGEST = 200; // entries
const RESYNC_TEXTS = {
  out_of_order: "An ack came out of order, so the service dropped what waited for this device.",
  overflow: "Too much waited for this device, so the service dropped it.",
  state_lost: "The service lost what it knew of this user's messages.",
};

export class EventLog {
  #list = document.getElementById("log");
  #empty = document.getElementById("empty");

  constructor() {
    document.getElementById("clear").addEventListener("click", () => {
      this.#list.replaceChildren();
      this.#empty.hidden = false;
    });
  }

  // A line about the connection; kind "bad" for what stopped it.
  addNote(text, kind = "good") {
    const line = element("p", `note ${kind}`);
    line.append(time(), element("span", "", text));
    this.#add("entry quiet", line);
  }

  // An event as it came, without its ack; returns the entry, for the ack's fate.
  addEvent(event, args) {
    const head = element("div", "head");
    head.append(time(), element("code", "name", event));
    const entry = new Entry(head);
    const isSystem = event === "batch" || event === "resync";
    this.#add(`entry ${isSystem ? event : "event"}`, head, body(event, args));
    this.#empty.hidden = true;
    return entry;
  }

  #add(className, ...children) {
    const item = element("li", className);
    item.append(...children);
    this.#list.prepend(item);
    this.#list.children[LONGEST]?.remove();
  }
}

class Entry {
  #badge = element("span", "badge");
  #button = element("button", "plain small", "Ack");

  constructor(head) {
    this.#button.type = "button";
    this.#button.hidden = true;
    head.append(this.#badge, this.#button);
  }

  // fate: given, withheld, none (not asked for) or void (not possible any more)
  showAck(fate, text) {
    this.#badge.dataset.fate = fate;
    this.#badge.textContent = text;
    this.#button.hidden = fate !== "withheld";
  }

  offerAck(give) {
    this.#button.addEventListener("click", give, { once: true });
  }
}

function body(event, args) {
  if (event === "batch" && Array.isArray(args[0])) {
    return batchBody(args[0]);
  }
  if (event === "resync") {
    return resyncBody(args);
  }
  return argsLine(args);
}

function batchBody(events) {
  const box = element("div");
  box.append(element("p", "explanation", `${count(events.length, "message")} waited:`));
  const list = element("ol", "batch-events");
  for (const [event, ...args] of events) {
    const item = element("li");
    item.append(element("code", "name", event), argsLine(args));
    list.append(item);
  }
  box.append(list);
  return box;
}

function resyncBody(args) {
  const box = element("div");
  const text = RESYNC_TEXTS[args[0]?.reason] ?? "The client's copy may be wrong.";
  box.append(argsLine(args), element("p", "explanation", `${text} A client loads everything anew.`));
  return box;
}

function argsLine(args) {
  return element("code", "args", args.map((arg) => JSON.stringify(arg)).join(", ") || "no arguments");
}

function time() {
  const now = new Date();
  const shown = element("time", "", now.toTimeString().slice(0, 8));
  shown.append(element("small", "", `.${String(now.getMilliseconds()).padStart(3, "0")}`));
  shown.dateTime = now.toISOString();
  return shown;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
