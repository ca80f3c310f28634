// How the dashboard gets its data: it asks every two seconds, one request at a time. EventSource could not send the token.

const EVERY_MS = 2_000;
const PATIENCE_MS = 10_000;
const LONGEST_WAIT_MS = 30_000;
const KEY = "durable-hits-admin-token";

/** The token, kept as long as this tab; in memory alone where the browser keeps nothing. */
export class Token {
  #value = "";

  constructor() {
    try {
      this.#value = sessionStorage.getItem(KEY) ?? "";
    } catch {}
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    this.#value = value;
    try {
      if (value === "") sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, value);
    } catch {}
  }
}

/**
 * Asks until the page goes. `onData` gets each answer, `onState` is told "live", "lost" (with when it is tried again) or
 * "denied", when nothing more is asked until `ask`.
 */
export class Connection {
  #url;
  #token;
  #onData;
  #onState;
  #asking;
  #timer;
  #failures = 0;
  /** The newest sample that the page has. */
  after = 0;

  constructor(url, token, onData, onState) {
    this.#url = url;
    this.#token = token;
    this.#onData = onData;
    this.#onState = onState;
    // A hidden tab asks for nothing; shown again, it is up to date at once.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.ask()));
    document.addEventListener("prerenderingchange", () => this.ask());
    addEventListener("pagehide", () => this.#pause());
    addEventListener("pageshow", () => this.ask());
    addEventListener("online", () => this.ask());
  }

  /** Asks now, unless a request is under way. */
  async ask() {
    clearTimeout(this.#timer);
    if (this.#asking !== undefined || document.hidden || document.prerendering) return;
    const asking = new AbortController();
    const giveUp = setTimeout(() => asking.abort(), PATIENCE_MS);
    this.#asking = asking;
    try {
      const headers = this.#token.value === "" ? {} : { Authorization: `Bearer ${this.#token.value}` };
      const answer = await fetch(`${this.#url}?after=${this.after}`, {
        headers,
        cache: "no-store",
        signal: asking.signal,
      });
      if (answer.status === 401) {
        this.#settle(asking);
        this.#onState("denied");
        return;
      }
      if (!answer.ok) throw new Error(`answered with ${answer.status}`);
      const data = await answer.json();
      if (this.#asking !== asking) return;
      this.#settle(asking);
      this.#failures = 0;
      this.#onState("live");
      const again = this.#onData(data);
      this.#timer = setTimeout(() => this.ask(), again ? 0 : EVERY_MS);
    } catch {
      if (this.#asking !== asking) return;
      this.#settle(asking);
      // Pages that lost their server together don't come back together.
      const wait = Math.min(LONGEST_WAIT_MS, EVERY_MS * 2 ** this.#failures++) * (0.5 + Math.random() / 2);
      this.#timer = setTimeout(() => this.ask(), wait);
      this.#onState("lost", Date.now() + wait);
    } finally {
      clearTimeout(giveUp);
    }
  }

  #settle(asking) {
    if (this.#asking === asking) this.#asking = undefined;
  }

  #pause() {
    clearTimeout(this.#timer);
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.abort();
  }
}
