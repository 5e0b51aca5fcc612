// Acks: given at once, or withheld until a button gives them.

const byId = (id) => document.getElementById(id);

export class Acks {
  #withheld = []; // [{ack, entry}, ...], oldest first

  constructor() {
    byId("ack-oldest").addEventListener("click", () => this.#giveAll([...this.#withheld]));
    byId("ack-newest").addEventListener("click", () => this.#giveAll(this.#withheld.toReversed()));
  }

  // Deal with an event's ack; null when the service asked for none.
  take(entry, ack) {
    if (!ack) {
      entry.showAck("none", "no ack asked for");
    } else if (byId("withhold").checked) {
      this.#withhold({ entry, ack });
    } else {
      this.#give({ entry, ack });
    }
  }

  // Forget what is withheld: these acks would mean nothing any more.
  drop(text) {
    for (const { entry } of this.#withheld) {
      entry.showAck("void", `not acked, ${text}`);
    }
    this.#withheld = [];
    this.#showCount();
  }

  #withhold(each) {
    this.#withheld.push(each);
    each.entry.showAck("withheld", "ack withheld");
    each.entry.offerAck(() => this.#give(each));
    this.#showCount();
  }

  #give(each) {
    this.#withheld = this.#withheld.filter((other) => other !== each);
    each.ack();
    each.entry.showAck("given", "acked");
    this.#showCount();
  }

  #giveAll(all) {
    all.forEach((each) => this.#give(each));
  }

  #showCount() {
    const count = this.#withheld.length;
    byId("withheld").textContent = `${count} withheld`;
    byId("ack-oldest").disabled = count < 1;
    byId("ack-newest").disabled = count < 2;
  }
}
