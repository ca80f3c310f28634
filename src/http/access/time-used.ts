/** Clients of which the time used is known: those of the latest work. */
const MAX_CLIENTS = 4096;
const HALF_LIFE_MS = 10_000;

/** The time that the work of each client has taken lately; what was used counts half as much after ten seconds. */
export class TimeUsed {
  /** In the order of the latest work. */
  readonly #clients = new Map<number, { readonly ms: number; readonly at: number }>();

  /** Adds milliseconds to what a client has used; `now` on the clock of `performance.now()`. */
  add(key: number, ms: number, now: number): void {
    const used = this.of(key, now) + ms;
    this.#clients.delete(key);
    this.#clients.set(key, { ms: used, at: now });
    if (this.#clients.size <= MAX_CLIENTS) return;
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined) this.#clients.delete(oldest);
  }

  /** Returns what a client has used lately; 0 for one that is not known. */
  of(key: number, now: number): number {
    const used = this.#clients.get(key);
    return used === undefined ? 0 : used.ms * 2 ** ((used.at - now) / HALF_LIFE_MS);
  }
}
