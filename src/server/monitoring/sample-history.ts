import { type DashboardHistory, HISTORY_STATES, type HistoryState } from "../../model/dashboard-data.js";

export interface Sample {
  /** Hits accepted since the start of this process. */
  readonly accepted: number;
  readonly owed: number;
  readonly state: HistoryState;
}

/** The last samples of rate, lag and state, in a ring of fixed size; empty when the process starts. */
export class SampleHistory {
  readonly #everyMs: number;
  readonly #size: number;
  readonly #at: Float64Array;
  readonly #rate: Float64Array;
  readonly #owed: Float64Array;
  readonly #state: Uint8Array;
  #last = 0;
  #previous: { readonly accepted: number; readonly time: number };

  /** `everyMs`: the interval of the samples. `now`: milliseconds of a monotonic clock. */
  constructor(size: number, everyMs: number, now = performance.now()) {
    this.#everyMs = everyMs;
    this.#size = size;
    this.#at = new Float64Array(size);
    this.#rate = new Float64Array(size);
    this.#owed = new Float64Array(size);
    this.#state = new Uint8Array(size);
    this.#previous = { accepted: 0, time: now };
  }

  add({ accepted, owed, state }: Sample, at = Date.now(), now = performance.now()): void {
    const slot = this.#last % this.#size;
    const seconds = Math.max(1, now - this.#previous.time) / 1000;
    this.#at[slot] = at;
    // Nobody reads more than two decimals.
    this.#rate[slot] = Math.round(((accepted - this.#previous.accepted) / seconds) * 100) / 100;
    this.#owed[slot] = owed;
    this.#state[slot] = HISTORY_STATES.indexOf(state);
    this.#previous = { accepted, time: now };
    this.#last++;
  }

  /** Returns the samples after the one with this number; all of them for a number of another process. */
  after(number: number): DashboardHistory {
    const known = number <= this.#last ? number : 0;
    const first = Math.max(known, this.#last - this.#size);
    const slots = Array.from({ length: this.#last - first }, (_, i) => (first + i) % this.#size);
    const pick = (column: Float64Array | Uint8Array) => slots.map((slot) => column[slot] ?? 0);
    return {
      everyMs: this.#everyMs,
      last: this.#last,
      at: pick(this.#at),
      rate: pick(this.#rate),
      owed: pick(this.#owed),
      state: pick(this.#state),
    };
  }
}
