// A rater's answers, shown at once and sent in the background: the next turn never waits for the network.
//
// Unsent answers are stored in the tab, so that a reload sends them; sending twice does no harm. Once everything is
// sent, the app's state replaces the page's.
import { get, post } from "./send.js";

const POLL = 3000, AGAIN = 1500; // ms
const REFUSED = [401, 403, 404, 409, 422];

export class Turns {
  // hooks: show(turn or undefined), tell(state), saving(sentence), refused(sentence), prepare(turn)
  constructor({ read, write, store, hooks }) {
    Object.assign(this, { read, write, store, hooks, ahead: [], behind: [], sending: false, version: 0 });
    this.pending = JSON.parse(sessionStorage.getItem(store) ?? "[]");
    addEventListener("beforeunload", (event) => { if (this.pending.length) event.preventDefault(); });
    this.start();
  }

  get current() { return this.ahead[0]; }

  async start() {
    if (this.pending.length) await this.send();
    await this.poll();
    setInterval(() => { if (!document.hidden) this.poll(); }, POLL);
  }

  answer(fields) {
    const turn = this.ahead.shift();
    Object.assign(turn, { answer: fields.word });
    this.behind.push(turn);
    this.queue({ do: "answer", turn: turn.id, ...fields });
    this.hooks.show(this.current);
  }

  undo() {
    const turn = this.behind.pop();
    if (!turn) return undefined;
    this.ahead.unshift(turn);
    this.queue({ do: "undo", turn: turn.id });
    this.hooks.show(this.current);
    return turn;
  }

  queue(action) {
    this.version += 1;
    this.pending.push(action);
    this.keep();
    this.send();
  }

  keep() { sessionStorage.setItem(this.store, JSON.stringify(this.pending)); }

  async send() {
    if (this.sending || !this.pending.length) return;
    this.sending = true;
    const batch = this.pending.slice(0, 100);
    try {
      const reply = await (await post(this.write, JSON.stringify(batch), "application/json")).json();
      this.pending.splice(0, batch.length);
      this.keep();
      this.hooks.saving("");
      if (reply.refused.length) this.hooks.refused(reply.refused[0]);
      this.take(reply);
    } catch (error) {
      const lost = REFUSED.includes(error.status);
      const count = `${this.pending.length} ${this.pending.length === 1 ? "answer is" : "answers are"} not saved`;
      this.hooks.saving(lost ? `${count}: ${error.message}` : `${count} yet: the app does not answer; trying again.`);
      await new Promise((done) => setTimeout(done, AGAIN));
    }
    this.sending = false;
    this.send();
  }

  // Waits for a turn's pictures; another turn may be the current one by then.
  present(turn, lay, failed) {
    this.hooks.prepare(turn);
    if (turn.ready) return lay(turn);
    turn.loading.then(() => {
      if (this.current === turn) (turn.failed ? failed : lay)(turn);
    });
  }

  async poll() {
    const version = this.version;
    try {
      const reply = await get(this.read);
      if (version === this.version && !this.pending.length) this.take(reply);
    } catch (error) {
      this.hooks.saving(error.status ? error.message : "The app does not answer; trying again.");
    }
  }

  take(reply) {
    this.hooks.tell(reply.state);
    const known = new Map([...this.ahead, ...this.behind].map((turn) => [turn.id, turn]));
    const here = (turn) => Object.assign(known.get(turn.id) ?? turn, turn);
    const before = this.current;
    if (this.pending.length) {
      this.ahead.push(...reply.ahead.filter((turn) => !known.has(turn.id)));
    } else {
      this.behind = reply.behind.map(here);
      this.ahead = reply.ahead.map(here);
    }
    this.ahead.forEach(this.hooks.prepare);
    if (!before || before !== this.current) this.hooks.show(this.current);
  }
}
