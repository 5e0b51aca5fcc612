// A client of one site, on top of the stock socket.io-client (3 or 4): handlers one at a time and
// in order, acks when they are done, batches, resync, fresh tokens, and coming back.
//
//   import { connect } from "https://push.newsite.com/static/clients/sioweb-client.mjs";
//   const client = connect(io, "https://push.newsite.com/newsite", { token, handlers });
//
// Options, of which only `token` must be there:
//   token       text, or a function (async too) that is called before each connect and reconnect
//   handlers    { event: (...args) => ... }; what a handler returns is waited for
//   onResync    ({ reason }) => ..., in place of reloading the page
//   onRefused   (error) => ...; the client has stopped: connect() tries again
//   onError     (error, event, args) => ..., in place of console.error
//   deviceId    text; false = none; otherwise one is made and kept in localStorage
//   prefix      "_" for a site with prefixed system events
//   io          options of the stock client, such as { transports: ["websocket"] }

const DEVICE_KEY = "sioweb.device";
const FIRST_PAUSE_MS = 1000; // doubled each time, as the stock client does
const LONGEST_PAUSE_MS = 30000;

export function connect(io, url, options) {
  return new Client(io, url, options);
}

export class Client {
  #options;
  #handlers;
  #work = Promise.resolve(); // of handlers, one after the other
  #generation = 0; // grows with each resync: what came before is of no use any more
  #pauses = 0; // since the last connect
  #timer;

  constructor(io, url, { handlers = {}, ...options }) {
    if (!["string", "function"].includes(typeof options.token)) {
      throw new TypeError(`token: expected text or a function, got ${typeof options.token}`);
    }
    this.#options = { prefix: "", onError: logError, onResync: reload, ...options };
    this.#handlers = new Map(Object.entries(handlers));
    this.deviceId = deviceIdOf(this.#options.deviceId);
    const auth = (send) => this.#identify(send);
    this.socket = io(url, { ...options.io, auth, autoConnect: false });
    this.#listen();
    this.socket.connect();
  }

  on(event, handler) {
    this.#handlers.set(event, handler);
    return this;
  }

  connect() {
    clearTimeout(this.#timer);
    this.socket.connect();
  }

  // For good, until connect() is called.
  close() {
    clearTimeout(this.#timer);
    this.socket.disconnect();
  }

  async #identify(send) {
    const { token } = this.#options;
    const { engine } = this.socket.io;
    try {
      const text = typeof token === "function" ? await token() : token;
      if (engine !== this.socket.io.engine) return; // lost meanwhile: the next asks for itself
      send(this.deviceId ? { token: text, deviceId: this.deviceId } : { token: text });
    } catch (error) {
      this.#options.onError(error, "token", []);
      engine.close(); // the stock client comes back, and asks again
    }
  }

  #listen() {
    const { prefix } = this.#options;
    this.socket.on("connect", () => {
      this.#pauses = 0;
    });
    this.socket.on("connect_error", (error) => this.#onConnectError(error));
    this.socket.on("disconnect", (reason) => {
      // The stock client stays away then. Whether this one is still welcome the site says anew.
      if (reason === "io server disconnect") this.#comeBack();
    });
    this.socket.onAny((event, ...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : null;
      if (event === `${prefix}resync`) this.#resync(args[0] ?? {});
      else if (event === `${prefix}batch`) this.#take(args[0], ack);
      else this.#take([[event, ...args]], ack);
    });
  }

  #onConnectError(error) {
    if (this.socket.active) return; // the stock client tries again by itself
    if (error.data?.retryable) this.#comeBack();
    else this.#options.onRefused?.(error);
  }

  #comeBack() {
    const most = Math.min(FIRST_PAUSE_MS * 2 ** this.#pauses++, LONGEST_PAUSE_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.socket.connect(), most * (0.5 + Math.random() / 2));
  }

  // One ack for all events. Without it, after a handler that failed or a connection that was
  // lost, they come again; an ack counts on the connection of its message alone.
  #take(events, ack) {
    const { id } = this.socket;
    const generation = this.#generation;
    const isOutdated = () => generation !== this.#generation || (ack && id !== this.socket.id);
    this.#work = this.#work.then(async () => {
      for (const [event, ...args] of events) {
        if (isOutdated() || !(await this.#handle(event, args))) return;
      }
      if (ack && !isOutdated()) ack();
    });
  }

  // An event that nobody handles counts as done: it would come again for ever.
  async #handle(event, args) {
    try {
      await this.#handlers.get(event)?.(...args);
      return true;
    } catch (error) {
      this.#options.onError(error, event, args);
      return false;
    }
  }

  // Does not wait for the handler at work: it may be what hangs.
  #resync(why) {
    this.#generation += 1;
    this.#work = Promise.resolve(why)
      .then(this.#options.onResync)
      .catch((error) => this.#options.onError(error, "resync", [why]));
  }
}

function logError(error, event) {
  console.error(`sioweb: ${event}:`, error);
}

function reload() {
  location.reload();
}

function deviceIdOf(given) {
  if (given !== undefined) return given || "";
  try {
    const kept = localStorage.getItem(DEVICE_KEY);
    if (kept) return kept;
    const made = [...crypto.getRandomValues(new Uint8Array(8))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    localStorage.setItem(DEVICE_KEY, made);
    return made;
  } catch {
    return ""; // no storage: a new device at each visit would leave queues behind
  }
}
