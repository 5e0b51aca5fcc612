// The form that calls /send, as a site's backend does.

const byId = (id) => document.getElementById(id);

export class SendForm {
  #options;
  #addressed; // the room that the form was filled with
  #age = 5; // of the arguments that the form was filled with

  // options: site, apiKey, userRoomPrefix
  constructor(options) {
    this.#options = options;
    this.#addressed = byId("send-rooms").value;
    byId("send-args").value = exampleArgs(this.#age);
    byId("send").addEventListener("input", () => this.#showCheck());
    byId("send").addEventListener("submit", (submit) => {
      submit.preventDefault();
      this.#send();
    });
    this.#showCheck();
  }

  // Fill in the room of a user, unless something else was typed there.
  addressUser(name) {
    const room = `${this.#options.userRoomPrefix}${name}`;
    if (byId("send-rooms").value === this.#addressed) {
      byId("send-rooms").value = room;
      this.#addressed = room;
      this.#showCheck();
    }
  }

  async #send() {
    const { url, headers, body } = this.#showCheck() ?? {};
    if (!body) {
      return;
    }
    const startedAt = performance.now();
    try {
      const answer = await fetch(url, { method: "POST", headers, body });
      const milliseconds = Math.round(performance.now() - startedAt);
      this.#showAnswer(answer.ok, `${answer.status} in ${milliseconds} ms`, await answer.text());
      this.#changeExample();
    } catch (error) {
      this.#showAnswer(false, "No answer", error.message);
    }
  }

  // Make the next message another one, unless something else was typed there.
  #changeExample() {
    if (byId("send-args").value === exampleArgs(this.#age)) {
      this.#age += 1;
      byId("send-args").value = exampleArgs(this.#age);
      this.#showCheck();
    }
  }

  // Show the problem, or the curl line; return the request unless there is a problem.
  #showCheck() {
    const { field, problem, message } = readMessage();
    for (const each of ["send-rooms", "send-event", "send-args"]) {
      byId(each).setAttribute("aria-invalid", String(each === field));
    }
    byId("send-problem").hidden = !problem;
    byId("send-problem").textContent = problem ?? "";
    if (problem) {
      return null;
    }
    const request = this.#request(message);
    byId("curl").textContent = curlLine(request);
    return request;
  }

  #request(message) {
    const { site, apiKey } = this.#options;
    return {
      url: `${location.origin}/send?site=${site}`,
      headers: { "X-Api-Key": apiKey, "Content-Type": "application/json" },
      body: JSON.stringify(message),
    };
  }

  #showAnswer(isGood, status, text) {
    const answer = byId("answer");
    answer.hidden = false;
    answer.dataset.good = String(isGood);
    const line = document.createElement("b");
    line.textContent = status;
    const code = document.createElement("code");
    code.textContent = text;
    answer.replaceChildren(line, code);
  }
}

function exampleArgs(age) {
  return `["user", {"id": 1, "age": ${age}}]`;
}

// Return {message}, or {field, problem}.
function readMessage() {
  const rooms = byId("send-rooms").value.split(",").map((room) => room.trim()).filter(Boolean);
  const event = byId("send-event").value.trim();
  if (!rooms.length) {
    return { field: "send-rooms", problem: "Rooms: name at least one." };
  }
  if (!event) {
    return { field: "send-event", problem: "Event: give it a name." };
  }
  try {
    const args = JSON.parse(byId("send-args").value || "[]");
    if (!Array.isArray(args)) {
      return { field: "send-args", problem: 'Arguments: a list is needed, such as ["user", 1].' };
    }
    const resync = byId("send-resync").checked;
    return { message: { rooms, event, args, ...(resync && { resync }) } };
  } catch (error) {
    return { field: "send-args", problem: `Arguments: ${error.message}` };
  }
}

function curlLine({ url, headers, body }) {
  const lines = Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
  return [`curl ${quote(url)}`, ...lines, `-d ${quote(body)}`].join(" \\\n  ");
}

// For a POSIX shell.
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
