// The dashboard's source of data: a request every two seconds, one at a time. EventSource could not send the token.

const EVERY_MS = 2_000;
const TIMEOUT_MS = 10_000;
const MAX_WAIT_MS = 30_000;
const KEY = "durable-hits-admin-token";

/** The token, kept as long as this tab; in memory only if the browser stores nothing. */
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
 * Requests data as long as the page is shown. `onData` gets each answer and returns true to request more at once. `onState`
 * gets "live", "lost", or "denied", after which nothing is requested until `request`.
 */
export class Connection {
  #url;
  #token;
  #onData;
  #onState;
  #pending;
  #timer;
  #failures = 0;
  /** The newest sample that the page has. */
  after = 0;

  constructor({ url, token, onData, onState }) {
    this.#url = url;
    this.#token = token;
    this.#onData = onData;
    this.#onState = onState;
    // A hidden tab requests nothing; shown again, it is up to date at once.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.request()));
    document.addEventListener("prerenderingchange", () => this.request());
    addEventListener("pagehide", () => this.#pause());
    addEventListener("pageshow", () => this.request());
    addEventListener("online", () => this.request());
  }

  /** Requests data now, unless a request is pending. */
  async request() {
    clearTimeout(this.#timer);
    if (this.#pending !== undefined || document.hidden || document.prerendering) return;
    const abort = new AbortController();
    const timeout = setTimeout(() => abort.abort(), TIMEOUT_MS);
    this.#pending = abort;
    try {
      const headers = this.#token.value === "" ? {} : { Authorization: `Bearer ${this.#token.value}` };
      const answer = await fetch(`${this.#url}?after=${this.after}`, {
        headers,
        cache: "no-store",
        signal: abort.signal,
      });
      if (answer.status === 401) {
        this.#settle(abort);
        this.#onState("denied");
        return;
      }
      if (!answer.ok) throw new Error(`answered with ${answer.status}`);
      const data = await answer.json();
      if (this.#pending !== abort) return;
      this.#settle(abort);
      this.#failures = 0;
      this.#onState("live");
      const needsMore = this.#onData(data);
      this.#timer = setTimeout(() => this.request(), needsMore ? 0 : EVERY_MS);
    } catch {
      if (this.#pending !== abort) return;
      this.#settle(abort);
      // Pages that lost their server at the same time must not all return at the same time.
      const wait = Math.min(MAX_WAIT_MS, EVERY_MS * 2 ** this.#failures++) * (0.5 + Math.random() / 2);
      this.#timer = setTimeout(() => this.request(), wait);
      this.#onState("lost");
    } finally {
      clearTimeout(timeout);
    }
  }

  #settle(abort) {
    if (this.#pending === abort) this.#pending = undefined;
  }

  #pause() {
    clearTimeout(this.#timer);
    const abort = this.#pending;
    this.#pending = undefined;
    abort?.abort();
  }
}
