// Small helpers of the three pages: elements, numbers, times, requests.

export const byId = (id) => document.getElementById(id);

// Make an element: make("td", { className: "number" }, "text", otherElement)
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export const show = (number) => (number === null ? "–" : number.toLocaleString("en"));

export function showMilliseconds(delay) {
  if (delay === null) {
    return "–";
  }
  return delay < 10 ? `${delay.toFixed(1)} ms` : `${show(Math.round(delay))} ms`;
}

// Say how long some seconds are: 42 s, 5 min, 3 h, 2 days
export function showSeconds(seconds) {
  const units = [[86400, "days"], [3600, "h"], [60, "min"]];
  const [size, unit] = units.find(([each]) => seconds >= 2 * each) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

export function showBytes(bytes) {
  return bytes < 2048 ? `${bytes} B` : `${show(Math.round(bytes / 1024))} KiB`;
}

// Return the JSON of an answer; throw an Error with its message when it is a refusal.
export async function ask(url, parameters, options = {}) {
  const query = new URLSearchParams(parameters);
  const answer = await fetch(`${url}?${query}`, { cache: "no-store", ...options });
  const content = await answer.json().catch(() => null);
  if (!answer.ok) {
    const error = new Error(content?.error?.message ?? `The service answered ${answer.status}.`);
    error.content = content;
    error.status = answer.status;
    throw error;
  }
  return content;
}

export function post(url, parameters, body, headers = {}) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  return ask(url, parameters, {
    method: "POST",
    headers: { "X-CSRFToken": token, ...headers },
    body,
  });
}
