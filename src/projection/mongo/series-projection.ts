import { Applier } from "./applier.js";
import { SeriesScrub } from "./series-scrub.js";
import type { SeriesSlots } from "./series-slots.js";
import type { DocumentStore } from "./store.js";

export interface SeriesStatus {
  /** Counters' days that owe something, or may. */
  readonly owed: number;
  /** Those of them whose document nothing can be done with. */
  readonly blocked: number;
  /** How often all documents have been looked at. */
  readonly passes: number;
}

/** Brings the documents of counters' days to what the log says, by the same rules as those of counters. */
export class SeriesProjection {
  readonly #slots: SeriesSlots;
  readonly #applier: Applier;
  readonly #scrub: SeriesScrub;

  constructor(store: DocumentStore, slots: SeriesSlots, logId: string, maxOps: number, scrubEveryMs: number) {
    this.#slots = slots;
    this.#applier = new Applier(store, slots, logId, maxOps, () => undefined);
    this.#scrub = new SeriesScrub(store, slots, this.#applier, scrubEveryMs);
  }

  get status(): SeriesStatus {
    return { owed: this.#slots.owed, blocked: this.#applier.blocked.size, passes: this.#scrub.passes };
  }

  /** Whether nothing is owed, but for what is blocked. */
  get isSettled(): boolean {
    return !this.#isLooking && this.#slots.owed === this.#applier.blocked.size;
  }

  /**
   * Works off what is owed, as `Applier.settle`; where it is unknown what is, by looking at all documents first, a part of them
   * at a time. `certain`: nothing can take back by now what was confirmed of hits below it.
   */
  async settle(position: () => number | undefined, certain: number): Promise<boolean> {
    if (this.#slots.isLost) {
      this.#slots.found();
      this.#scrub.restart(true);
    }
    if (this.#scrub.isUrgent) await this.#scrub.step(performance.now());
    const settled = await this.#applier.settle(this.#applier.due(), position);
    this.#slots.prune(certain);
    return settled && !this.#isLooking;
  }

  /** The server's state has changed: what was confirmed of hits at or above `certain` is unknown. */
  changed(certain: number): void {
    this.#slots.forgetFrom(certain);
    this.#scrub.restart(false);
  }

  /** The database was put back or dropped. */
  goneBack(): void {
    this.#slots.lose();
  }

  /** Looks at some more documents where that is due. */
  step(now: number): Promise<void> {
    return this.#scrub.step(now);
  }

  get #isLooking(): boolean {
    return this.#slots.isLost || this.#scrub.isUrgent;
  }
}
