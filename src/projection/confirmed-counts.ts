import type { ProjectorReport, ProjectorStatus } from "./mongo/messages.js";
import { maxNameBytes, type Totals } from "./totals.js";

/**
 * This log's hits by counter that the database has confirmed, as its projection reports. Reads are served from here and from
 * the totals, so that none ever waits for the database.
 */
export class ConfirmedCounts {
  readonly #totals: Totals;
  readonly #maxCounters: number;
  #confirmed: Confirmed;
  /** The reports of a projection that has restarted; they replace the others once it has reported everything. */
  #reported: Confirmed | undefined;
  /** A projection has reported everything owed at least once. */
  #isReady = false;
  #asOf: string | null;
  #status: ProjectorStatus | undefined;
  /** Counters of other logs for which there was no room. */
  #dropped = 0;

  /** Nothing counts as confirmed until `markReady`. */
  constructor(totals: Totals, asOf: string | null, maxCounters: number) {
    this.#totals = totals;
    this.#maxCounters = maxCounters;
    this.#asOf = asOf;
    this.#confirmed = new Confirmed(totals);
  }

  /**
   * Notes that the projection restarts and reports everything owed again: its last confirmations may not have been reported.
   * Earlier reports stand until `markReady`.
   */
  restart(): void {
    this.#reported = new Confirmed(this.#totals);
  }

  /** Notes that everything owed has been reported: all else in the totals is confirmed. */
  markReady(): void {
    this.#isReady = true;
    this.#confirmed = this.#reported ?? this.#confirmed;
    this.#reported = undefined;
  }

  /** RFC 3339: the time of the database's last answer; null for none. */
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

  get #isFull(): boolean {
    const { size, nameBytes } = this.#totals;
    return size >= this.#maxCounters || nameBytes >= maxNameBytes(this.#maxCounters);
  }

  apply(report: ProjectorReport): void {
    this.#status = report.status;
    if (report.status.asOf > 0) this.#asOf = new Date(report.status.asOf).toISOString();
    for (const [name, count] of report.confirmed) {
      const index = this.#totals.find(name);
      // The totals never lag the projection: both follow the same log, the totals first.
      if (index !== undefined) (this.#reported ?? this.#confirmed).set(index, count);
    }
    for (const [name, count] of report.remote) {
      if (!this.#totals.has(name) && this.#isFull) this.#dropped++;
      else this.#totals.setRemote(this.#totals.indexOf(name), count);
    }
  }
}

/** Confirmed hits by the totals' index. */
class Confirmed {
  #counts: Float64Array<ArrayBuffer>;
  #sum: number;

  /** Starts from everything that is in the totals now. */
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
