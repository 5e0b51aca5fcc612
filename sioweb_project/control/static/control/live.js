// The live view: one stream of server-sent events, drawn as they come.

import { Chart } from "./chart.js";
import { byId, make, show, showMilliseconds, showSeconds } from "./dom.js";

const AGAIN_MS = 10_000; // after a refusal, where EventSource gives up
const REFUSALS = {
  no_token: "No usable token",
  denied: "Denied by the site (401, 403)",
  bad_answer: "authUrl answered no list of rooms",
  unreachable: "authUrl gave no answer in time",
  unavailable: "Redis out of reach",
  unknown_site: "No such site",
  origin: "Page of another origin",
  too_many: "Too many clients or connections",
  too_fast: "Too many handshakes a second",
};
const RESYNCS = {
  out_of_order: "Acknowledged out of order",
  overflow: "Queue full",
  state_lost: "Redis lost its data",
  requested: "Asked for in the admin",
};
const LIMITS = {
  sends: "Messages past a site's or key's rate",
  failed_keys: "Calls from where keys were guessed",
  events: "Clients closed: too many events",
  namespaces: "Clients closed: too many namespaces",
  size: "Requests with too long a URL or headers",
};
const COUNTS = ["messages", "delivered", "acks", "connects", "disconnects"];

const { site, figures: address } = byId("control").dataset;
const delays = (value) => (value === null ? "–" : show(Math.round(value)));
const charts = [
  new Chart(byId("chart-messages"), { messages: "in", delivered: "delivered", acks: "acks" }, show),
  new Chart(byId("chart-delay"), { p50: "p50", p95: "p95" }, delays),
  new Chart(byId("chart-connects"), { connects: "connects", disconnects: "disconnects" }, show),
  new Chart(byId("chart-trouble"), { refused: "refused", resyncs: "resyncs" }, show),
];
let newest = null;

function connect() {
  const source = new EventSource(`${address}?${new URLSearchParams({ site })}`);
  source.addEventListener("message", (event) => draw(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    showState("lost", "Connection lost, trying again…");
    if (source.readyState === EventSource.CLOSED) {
      showState("lost", "The service refuses: too many viewers, or you are logged out.");
      setTimeout(connect, AGAIN_MS);
    }
  });
}

function draw(figures) {
  if (figures === null) {
    showState("lost", "Redis is out of reach, nothing is counted.");
    return;
  }
  newest = figures;
  showState("live", "Live");
  setText("clients", show(figures.clients));
  setText("waiting", show(figures.waiting));
  COUNTS.forEach((name) => setText(name, show(figures.minute[name])));
  setText("refusals", show(figures.minute.refused));
  ["p50", "p95"].forEach((name) => setText(name, showMilliseconds(figures.minute[name])));
  drawList("refused", figures.refused, REFUSALS);
  drawList("resyncs", figures.resyncs, RESYNCS);
  drawList("limited", figures.limited, LIMITS);
  drawFailure(figures.auth_failure, figures.now);
  byId("processes").replaceChildren(...figures.processes.map(processRow));
  drawCharts();
}

function drawCharts() {
  const span = document.querySelector("[name=span]:checked").value;
  if (newest) {
    charts.forEach((chart) => chart.draw(newest[span]));
  }
}

function drawList(id, counts, labels) {
  const rows = Object.entries(counts).map(([name, count]) =>
    make("div", {}, make("dt", {}, labels[name] ?? name), make("dd", {}, show(count))),
  );
  byId(id).replaceChildren(...rows);
}

function drawFailure(failure, now) {
  byId("auth-failure").hidden = !failure;
  if (failure) {
    const ago = showSeconds(Math.max(0, now - failure.at_seconds));
    setText("auth-failure", `authUrl failed last ${ago} ago: ${failure.reason}`);
  }
}

function processRow(process) {
  const cells = [
    process.host,
    process.pid,
    process.version,
    show(process.clients),
    showSeconds(process.up_seconds),
    `${showSeconds(process.seen_seconds)} ago`,
  ];
  return make("tr", {}, ...cells.map((cell) => make("td", {}, String(cell))));
}

function showState(state, text) {
  byId("state").dataset.state = state;
  setText("state", text);
}

// Leave what is the same: a screen reader would read it again.
function setText(id, text) {
  if (byId(id).textContent !== text) {
    byId(id).textContent = text;
  }
}

document.querySelectorAll("[name=span]").forEach((each) => {
  each.addEventListener("change", drawCharts);
});
byId("site").addEventListener("change", () => byId("site").form.submit());
connect();
