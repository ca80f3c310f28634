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
  #before: { readonly accepted: number; readonly time: number };

  /** A sample is to be taken every `everyMs`. `now` is a clock that only goes forward, in milliseconds. */
  constructor(size: number, everyMs: number, now = performance.now()) {
    this.#everyMs = everyMs;
    this.#size = size;
    this.#at = new Float64Array(size);
    this.#rate = new Float64Array(size);
    this.#owed = new Float64Array(size);
    this.#state = new Uint8Array(size);
    this.#before = { accepted: 0, time: now };
  }

  add({ accepted, owed, state }: Sample, at = Date.now(), now = performance.now()): void {
    const slot = this.#last % this.#size;
    const seconds = Math.max(1, now - this.#before.time) / 1000;
    this.#at[slot] = at;
    // Two decimals are all that anybody reads.
    this.#rate[slot] = Math.round(((accepted - this.#before.accepted) / seconds) * 100) / 100;
    this.#owed[slot] = owed;
    this.#state[slot] = HISTORY_STATES.indexOf(state);
    this.#before = { accepted, time: now };
    this.#last++;
  }

  /** What came after the sample of this number. A number that was never given is from another process: then all. */
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
