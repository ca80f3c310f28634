import type { Counters } from "./counters.js";
import type { ProjectorReport } from "./messages.js";
import type { Projector } from "./projector.js";

/** Names in one message at most, so that a message never holds up the thread that takes it. */
const PER_REPORT = 5000;

/** Gathers what has changed in the projection, for reports to whoever serves the reads. */
export class Reporter {
  readonly #counters: Counters;
  readonly #others: Map<string, number>;
  readonly #changedOthers = new Set<string>();

  constructor(counters: Counters, others: ReadonlyMap<string, number>) {
    this.#counters = counters;
    this.#others = new Map(others);
  }

  /** Takes what was read of other logs' hits. */
  onOthers(name: string, count: number): void {
    if ((this.#others.get(name) ?? 0) === count) return;
    if (count === 0) this.#others.delete(name);
    else this.#others.set(name, count);
    this.#changedOthers.add(name);
  }

  /** The next report; and whether there is more to tell. */
  take(projector: Projector): { report: ProjectorReport; more: boolean } {
    const counters = this.#counters;
    const confirmed = counters
      .takeChanged(PER_REPORT)
      .map((index) => [counters.nameOf(index), counters.documents.confirmed(index)] as const);
    const others: (readonly [string, number])[] = [];
    for (const name of this.#changedOthers) {
      if (others.length === PER_REPORT) break;
      others.push([name, this.#others.get(name) ?? 0]);
    }
    for (const [name] of others) this.#changedOthers.delete(name);
    const more = confirmed.length === PER_REPORT || others.length === PER_REPORT;
    return { report: { type: "report", status: projector.status(), confirmed, others }, more };
  }
}
