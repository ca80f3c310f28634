import type { ProjectorReport, ProjectorStatus } from "./mongo/messages.js";
import type { Totals } from "./totals.js";

/**
 * What the database is known to have, by counter, as its projection has told. Reads are served from here and from the
 * totals, so that none ever waits for the database.
 */
export class ConfirmedCounts {
  readonly #totals: Totals;
  readonly #maxCounters: number;
  #confirmed: Confirmed;
  /** What a projection that starts anew has told so far; takes the place of the other once it has told all. */
  #reported: Confirmed | undefined;
  /** Whether a projection has ever told all that is owed. */
  #isReady = false;
  #asOf: string | null;
  #status: ProjectorStatus | undefined;
  /** Counters of other logs that there was no room for. */
  #dropped = 0;

  /** Nothing counts as confirmed until the projection is `ready`. */
  constructor(totals: Totals, asOf: string | null, maxCounters: number) {
    this.#totals = totals;
    this.#maxCounters = maxCounters;
    this.#asOf = asOf;
    this.#confirmed = new Confirmed(totals);
  }

  /**
   * The projection starts anew, and tells again all that is owed: what it confirmed last may never have been told. Until it
   * is `ready`, what it told before stands.
   */
  restart(): void {
    this.#reported = new Confirmed(this.#totals);
  }

  /** All that is owed has been told; whatever else is in the totals is confirmed. */
  markReady(): void {
    this.#isReady = true;
    this.#confirmed = this.#reported ?? this.#confirmed;
    this.#reported = undefined;
  }

  /** RFC 3339: when the database last answered; null for never. */
  get asOf(): string | null {
    return this.#asOf;
  }

  get status(): ProjectorStatus | undefined {
    return this.#status;
  }

  /** Hits of this log that the database has not confirmed. */
  get lag(): number {
    return this.#isReady ? Math.max(0, this.#totals.sum - this.#confirmed.sum) : this.#totals.sum;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** This log's hits of a counter that the database has confirmed. */
  confirmed(index: number): number {
    return this.#isReady ? this.#confirmed.at(index) : 0;
  }

  apply(report: ProjectorReport): void {
    this.#status = report.status;
    if (report.status.asOf > 0) this.#asOf = new Date(report.status.asOf).toISOString();
    for (const [name, count] of report.confirmed) {
      const index = this.#totals.find(name);
      // The totals are never behind the projection: both follow the same log, the totals first.
      if (index !== undefined) (this.#reported ?? this.#confirmed).set(index, count);
    }
    for (const [name, count] of report.remote) {
      if (!this.#totals.has(name) && this.#totals.size >= this.#maxCounters) this.#dropped++;
      else this.#totals.setRemote(this.#totals.indexOf(name), count);
    }
  }
}

/** By the totals' index: this log's hits that the database has confirmed. */
class Confirmed {
  #counts: Float64Array<ArrayBuffer>;
  #sum: number;

  /** All that is in the totals now. */
  constructor(totals: Totals) {
    this.#counts = totals.copyCounts();
    this.#sum = totals.sum;
  }

  get sum(): number {
    return this.#sum;
  }

  at(index: number): number {
    return this.#counts[index] ?? 0;
  }

  set(index: number, count: number): void {
    if (index >= this.#counts.length) {
      const larger = new Float64Array(Math.max(1024, 2 * index));
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#sum += count - this.at(index);
    this.#counts[index] = count;
  }
}
