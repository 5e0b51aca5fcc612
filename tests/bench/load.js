// The load generator: clients, senders and the website that authUrl names, in one thread.
//
// Says {"port"} of the website first. Each line in is a command {"command", ...}, each
// line out its result, or {"error"}. One command at a time.
"use strict";

const http = require("node:http");
const readline = require("node:readline");
const { Crowd } = require("./load/crowd.js");
const { Senders } = require("./load/senders.js");

const crowd = new Crowd();

function print(result) {
  process.stdout.write(JSON.stringify(result) + "\n");
}

const commands = {
  open: (fields) => crowd.open(fields),
  send: (plan) => new Senders(crowd, plan).run(),
  heard: async () => ({ connected: crowd.clients.size, lost: crowd.lost, batches: crowd.batches }),
  close: async () => { crowd.closeAll(); return {}; },
};

// A token is the list of the rooms it opens.
const website = http.createServer((request, response) => {
  const rooms = (request.headers.authorization ?? "").split(" ")[1].split(",");
  const body = JSON.stringify(rooms);
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length });
  response.end(body);
});
website.keepAliveTimeout = 60_000;
website.listen(0, "127.0.0.1", 8192, () => print({ port: website.address().port }));

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { command, ...fields } = JSON.parse(line);
    try {
      print(await commands[command](fields));
    } catch (error) {
      print({ error: error.stack });
    }
  }
  process.exit(0);
}

main();
