// The browser's helper on the official client; each thing it does is one line out.
// Arguments: URL, and JSON of { tokens, ...options }. A line in is the name of a function below.
// `held` is an event whose work is done when a line says so, as a token `slow` comes then, `wrong` one whose work fails.

import { createRequire } from "node:module";
import readline from "node:readline";

import { connect } from "../../sioweb_project/clients/browser/sioweb-client.mjs";

const { io } = createRequire(import.meta.url)("socket.io-client");
const [url, text] = process.argv.slice(2);
const { tokens, ...options } = JSON.parse(text);
const held = [];

function print(...line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const client = connect(io, url, {
  deviceId: "phone",
  token: async () => {
    const token = tokens.length > 1 ? tokens.shift() : tokens[0];
    print("token", token);
    if (token === "slow") await new Promise((resolve) => held.push(resolve));
    if (!token) throw new Error("not logged in");
    return token;
  },
  handlers: {
    async plain(...args) {
      await null;
      print("plain", ...args);
    },
    held: (...args) =>
      new Promise((resolve) => {
        held.push(resolve);
        print("held", ...args);
      }),
    async wrong() {
      throw new Error("no such store");
    },
  },
  onResync: (why) => print("resync", why),
  onRefused: (error) => print("refused", error.message),
  onError: (error, event) => print("error", event, error.message),
  ...options,
});
client.socket.on("connect", () => print("connect"));

const commands = {
  finish: () => held.shift()(),
  cut: () => client.socket.io.engine.transport.ws.terminate(),
  connect: () => client.connect(),
  neighbour: () =>
    io(new URL("/newsite", url).href, { auth: { token: tokens.at(-1) } }).on("connect", () => print("neighbour")),
};

readline.createInterface({ input: process.stdin })
  .on("line", (line) => commands[line]())
  .on("close", () => process.exit(0));
