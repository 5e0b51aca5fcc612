// Line charts in SVG, in the colours of the page. Nothing is loaded for them.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 150;
const LEFT = 44; // for the numbers at the axis
const BOTTOM = 18; // for the times

export class Chart {
  #place;
  #names; // {key of a series: its label}
  #show;

  constructor(place, names, show) {
    [this.#place, this.#names, this.#show] = [place, names, show];
  }

  // lines: {start, step, <key>: [number or null, ...]}, the last bucket still running
  draw(lines) {
    const keys = Object.keys(this.#names);
    const highest = Math.max(0, ...keys.flatMap((key) => lines[key].map((each) => each ?? 0)));
    const top = roundUp(highest);
    const svg = svgElement("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    svg.setAttribute("aria-label", this.#describe(lines, keys));
    svg.append(...this.#grid(top), ...times(lines));
    keys.forEach((key, i) => svg.append(line(lines[key], top, i)));
    this.#place.replaceChildren(svg, this.#legend(keys));
  }

  #describe(lines, keys) {
    const highest = (key) => Math.max(0, ...lines[key].map((each) => each ?? 0));
    return keys.map((key) => `${this.#names[key]}: at most ${this.#show(highest(key))}`).join("; ");
  }

  #grid(top) {
    return [0, top / 2, top].flatMap((value) => {
      const y = height(value, top);
      const label = svgElement("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" });
      label.textContent = this.#show(value);
      return [svgElement("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: "grid" }), label];
    });
  }

  #legend(keys) {
    const legend = document.createElement("ul");
    legend.className = "control-legend";
    keys.forEach((key, i) => {
      const item = document.createElement("li");
      item.className = `series-${i}`;
      item.textContent = this.#names[key];
      legend.append(item);
    });
    return legend;
  }
}

function line(values, top, i) {
  const last = values.length - 1;
  const x = (at) => LEFT + ((WIDTH - LEFT - 4) * at) / last;
  let path = "";
  values.forEach((value, at) => {
    if (value !== null) {
      const isJoined = at > 0 && values[at - 1] !== null;
      const isAlone = !isJoined && (at === last || values[at + 1] === null);
      path += `${isJoined ? "L" : "M"}${x(at).toFixed(1)} ${height(value, top).toFixed(1)}`;
      path += isAlone ? "h1" : "";
    }
  });
  return svgElement("path", { d: path || "M0 0", class: `line series-${i}` });
}

function times(lines) {
  const count = Object.values(lines).find(Array.isArray).length;
  const clock = (at) =>
    new Date((lines.start + at * lines.step) * 1000).toLocaleTimeString("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      ...(lines.step < 60 && { second: "2-digit" }),
    });
  const label = (x, anchor, text) => {
    const element = svgElement("text", { x, y: HEIGHT - 4, "text-anchor": anchor });
    element.textContent = text;
    return element;
  };
  return [label(LEFT, "start", clock(0)), label(WIDTH, "end", clock(count - 1))];
}

const height = (value, top) => 8 + (HEIGHT - BOTTOM - 12) * (1 - value / top);

// Round up to 2, 5 or 10 times a power of ten, so that the axis has whole numbers.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 2)));
  return power * [1, 2, 4, 6, 8, 10].find((each) => each * power >= Math.max(value, 2));
}

function svgElement(name, attributes) {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
}
