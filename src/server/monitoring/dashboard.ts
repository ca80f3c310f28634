/**
 * What `GET /dashboard/data` answers. A sample every five seconds keeps the last hour; all else is taken at the moment of
 * a request, at a cost that does not depend on how many look.
 */
import { FreeSpace } from "../../host/free-space.js";
import type { CounterState } from "../../model/counters.js";
import type { DashboardData, HistoryState, Some } from "../../model/dashboard-data.js";
import type { ProjectionStatus, ServiceStatus } from "../../model/status.js";
import { History } from "./history.js";

export const SAMPLE_EVERY_MS = 5000;
const HOUR_MS = 3_600_000;
/** Of lists that have no bound of their own. */
const SHOWN = 5;
/** The top is looked for at most so often, and takes at most so much of the time of the thread that answers requests. */
const TOP_FRESH_MS = 1000;
const TOP_SHARE = 0.02;
const TOP = 20;

export interface DashboardOptions {
  readonly walDir: string;
  readonly walSegmentBytes: number;
  readonly maxCounters: number;
}

export interface Top {
  readonly counters: readonly CounterState[];
  readonly owing: number;
}

/** How things stand, asked for at the moment of a request. */
export interface DashboardSource {
  status(): ServiceStatus;
  refusal(): { readonly code: string; readonly message: string } | undefined;
  /** How many counters there are; undefined while the counts are unknown. */
  known(): number | undefined;
  /** Goes through all counters. Only called while the counts are known. */
  top(limit: number): Top;
  /** A counter's hits in each of the last 24 hours; undefined where no series is kept. */
  hours(counter: string): readonly number[] | undefined;
}

export class Dashboard {
  readonly #space: FreeSpace;
  readonly #options: DashboardOptions;
  readonly #history: History;
  #top: Top = { counters: [], owing: 0 };
  #topUntil = Number.NEGATIVE_INFINITY;

  constructor(options: DashboardOptions, space = new FreeSpace(options.walDir)) {
    this.#options = options;
    this.#space = space;
    this.#history = new History(HOUR_MS / SAMPLE_EVERY_MS, SAMPLE_EVERY_MS);
  }

  /** To be called every `SAMPLE_EVERY_MS`. */
  sample({ accepted, projections }: ServiceStatus): void {
    const outside = outsideOf(projections);
    const state: HistoryState = outside?.state ?? "none";
    this.#history.add({ accepted, owed: outside?.lag ?? 0, state });
  }

  /** `after`: the number of the newest sample that whoever asks has already. */
  async data(source: DashboardSource, after: number): Promise<DashboardData> {
    const freeBytes = (await this.#space.bytes()) ?? null;
    const { log, projections, accepted, rejected, uptime } = source.status();
    const { damage, missing, id, epoch, start, end, segments, bytes } = log;
    const refusal = source.refusal();
    const segmentBytes = this.#options.walSegmentBytes;
    return {
      now: Date.now(),
      refusal: refusal === undefined ? null : { code: refusal.code, detail: refusal.message },
      accepted,
      rejected,
      uptime,
      log: {
        ...{ id, epoch, start, end, segments, bytes, segmentBytes, freeBytes },
        damage: some(damage),
        unsettled: some(missing.filter(({ settled }) => !settled)),
      },
      projections: projections.map((one) =>
        one.blockedCounters === undefined ? one : { ...one, blockedCounters: one.blockedCounters.slice(0, SHOWN) },
      ),
      counters: this.#counters(source),
      history: this.#history.after(after),
    };
  }

  #counters(source: DashboardSource): DashboardData["counters"] {
    const known = source.known();
    if (known === undefined) return null;
    const started = performance.now();
    if (started >= this.#topUntil) {
      this.#top = source.top(TOP);
      const now = performance.now();
      this.#topUntil = now + Math.max(TOP_FRESH_MS, (now - started) / TOP_SHARE);
    }
    const { counters, owing } = this.#top;
    const top = counters.map((one) => ({ ...one, hours: source.hours(one.counter) ?? null }));
    return { known, limit: this.#options.maxCounters, owing, top };
  }
}

/** The projection into the database, whoever runs it. */
function outsideOf(projections: readonly ProjectionStatus[]): ProjectionStatus | undefined {
  return projections.find(({ name }) => name === "mongodb");
}

function some<T>(all: readonly T[]): Some<T> {
  return { total: all.length, first: all.slice(0, SHOWN) };
}
