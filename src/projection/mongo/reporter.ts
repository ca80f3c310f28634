import type { Counters } from "./counters.js";
import type { ProjectorReport } from "./messages.js";
import type { Projector } from "./projector.js";

/** Names in one message at most, so that a message never blocks the thread that receives it. */
const PER_REPORT = 5000;

/** Gathers changes in the projection and makes them into reports for the thread that serves reads. */
export class Reporter {
  readonly #counters: Counters;
  readonly #remote: Map<string, number>;
  readonly #changedRemote = new Set<string>();

  constructor(counters: Counters, remote: ReadonlyMap<string, number>) {
    this.#counters = counters;
    this.#remote = new Map(remote);
  }

  /** Notes a counter's hits of other logs. */
  noteRemote(name: string, count: number): void {
    if ((this.#remote.get(name) ?? 0) === count) return;
    if (count === 0) this.#remote.delete(name);
    else this.#remote.set(name, count);
    this.#changedRemote.add(name);
  }

  /** Makes the next report. `more`: there is more to report at once. */
  takeReport(projector: Projector): { report: ProjectorReport; more: boolean } {
    const counters = this.#counters;
    const confirmed = counters
      .takeChanged(PER_REPORT)
      .map((index) => [counters.nameOf(index), counters.documents.confirmed(index)] as const);
    const remote: (readonly [string, number])[] = [];
    for (const name of this.#changedRemote) {
      if (remote.length === PER_REPORT) break;
      remote.push([name, this.#remote.get(name) ?? 0]);
    }
    for (const [name] of remote) this.#changedRemote.delete(name);
    const more = confirmed.length === PER_REPORT || remote.length === PER_REPORT;
    return { report: { type: "report", status: projector.status(), confirmed, remote }, more };
  }
}
