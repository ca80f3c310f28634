/**
 * The data of `GET /dashboard/data`. A sample every five seconds keeps the last hour; all else is read at the moment of a
 * request, at a cost that does not grow with the number of viewers.
 */
import type { FreeSpace } from "../../host/free-space.js";
import type { DashboardData, Excerpt, HistoryState } from "../../model/dashboard-data.js";
import type { DashboardReader, Readiness, StatusReader } from "../../model/services.js";
import type { ProjectionStatus } from "../../model/status.js";
import type { TopCounters } from "../../projection/view.js";
import { SampleHistory } from "./sample-history.js";

export const SAMPLE_EVERY_MS = 5000;
const HOUR_MS = 3_600_000;
/** Entries shown of lists that have no bound of their own. */
const SHOWN = 5;
/** The top is computed at most this often, and takes at most this share of the time of the thread that answers requests. */
const TOP_FRESH_MS = 1000;
const TOP_SHARE = 0.02;
const TOP = 20;
/** Hours of its past that are shown of a counter. */
const SPARK_HOURS = 24;

export interface DashboardOptions {
  readonly segmentBytes: number;
  readonly maxCounters: number;
  readonly space: FreeSpace;
  readonly sources: DashboardSources;
}

export interface DashboardSources {
  readonly status: StatusReader;
  readonly readiness: Readiness;
  readonly view: DashboardView;
}

/** The part of `View` that the dashboard reads. */
export interface DashboardView {
  readonly size: number | undefined;
  top(limit: number): Promise<TopCounters>;
  lastHours(counter: string, hours: number): readonly number[] | undefined;
}

export class Dashboard implements DashboardReader {
  readonly #options: DashboardOptions;
  readonly #sources: DashboardSources;
  readonly #history = new SampleHistory(HOUR_MS / SAMPLE_EVERY_MS, SAMPLE_EVERY_MS);
  #top: TopCounters = { counters: [], owing: 0 };
  #topUntil = Number.NEGATIVE_INFINITY;
  #scanning: Promise<void> | undefined;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#sources = options.sources;
  }

  /** Adds a sample to the history; to be called every `SAMPLE_EVERY_MS`. */
  sample(): void {
    const { accepted, projections } = this.#sources.status.read();
    const database = databaseProjection(projections);
    const state: HistoryState = database?.state ?? "none";
    this.#history.add({ accepted, owed: database?.lag ?? 0, state });
  }

  async data(after: number): Promise<DashboardData> {
    const { segmentBytes, space } = this.#options;
    const freeBytes = (await space.bytes()) ?? null;
    const { log, projections, accepted, rejected, uptime } = this.#sources.status.read();
    const { damage, missing, id, epoch, start, end, segments, bytes } = log;
    const refusal = this.#sources.readiness.refusal();
    return {
      now: Date.now(),
      refusal: refusal === undefined ? null : { code: refusal.code, detail: refusal.message },
      accepted,
      rejected,
      uptime,
      log: {
        ...{ id, epoch, start, end, segments, bytes, segmentBytes, freeBytes },
        damage: excerpt(damage),
        unsettled: excerpt(missing.filter(({ settled }) => !settled)),
      },
      projections: projections.map((one) =>
        one.blockedCounters === undefined ? one : { ...one, blockedCounters: one.blockedCounters.slice(0, SHOWN) },
      ),
      counters: await this.#counters(),
      history: this.#history.after(after),
    };
  }

  async #counters(): Promise<DashboardData["counters"]> {
    const { view } = this.#sources;
    const known = view.size;
    if (known === undefined) return null;
    if (performance.now() >= this.#topUntil) this.#scanning ??= this.#scan();
    await this.#scanning;
    const { counters, owing } = this.#top;
    const top = counters.map((one) => ({ ...one, hours: view.lastHours(one.counter, SPARK_HOURS) ?? null }));
    return { known, limit: this.#options.maxCounters, owing, top };
  }

  async #scan(): Promise<void> {
    const started = performance.now();
    try {
      this.#top = await this.#sources.view.top(TOP);
      const now = performance.now();
      this.#topUntil = now + Math.max(TOP_FRESH_MS, (now - started) / TOP_SHARE);
    } finally {
      this.#scanning = undefined;
    }
  }
}

/** The projection into the database, of this process or another. */
function databaseProjection(projections: readonly ProjectionStatus[]): ProjectionStatus | undefined {
  return projections.find(({ name }) => name === "mongodb");
}

function excerpt<T>(all: readonly T[]): Excerpt<T> {
  return { total: all.length, first: all.slice(0, SHOWN) };
}
