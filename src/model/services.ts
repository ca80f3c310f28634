import type { ErrorCode, HitsError } from "../errors.js";
import type { CounterSeries, CounterState, CountersPage, CountersQuery, SeriesQuery } from "./counters.js";
import type { DashboardData } from "./dashboard-data.js";
import type { Hit } from "./hit.js";
import type { Admission, Recorded, RecordedAll } from "./recording.js";
import type { ServiceStatus } from "./status.js";

/** What the HTTP side needs of the rest. It knows neither the log nor a projection; the composition root joins them. */
export interface Services {
  /**
   * Makes one hit durable, then counts it. `count` includes this hit; null while the counts are unknown (the local
   * projection is halted: the hit is durable all the same). Rejects with a `HitsError`: `TOO_MANY_COUNTERS`,
   * `COUNT_LIMIT`, `QUEUE_FULL`, `DISK_FULL`, `CLOSING` (not counted) or `LOG_FAILED` (unknown).
   */
  record(hit: Hit): Promise<Recorded>;
  /** Makes all of these durable in one batch, all or none. Rejects as `record` does. At least one hit. */
  recordAll(hits: readonly Hit[]): Promise<RecordedAll>;
  /** Judges the hits of one bulk request one after another, so that single lines can be refused. */
  admission(): Admission;
  /** Told of every hit that was refused, by whom ever: for the figures in the status. */
  noteRejected(code: ErrorCode, hits: number): void;
  /** Told of every request that could have counted and did not, for the reason given, without being refused. */
  noteNotCounted(reason: string): void;
  /** A counter as it stands; one never seen has count 0. Throws `PROJECTION_HALTED`. Never waits. */
  counter(name: string): CounterState;
  /** Counters by name, in the order of UTF-16 code units. Throws `PROJECTION_HALTED`. */
  counters(query: CountersQuery): CountersPage;
  /** A counter's hits by hour or day; of one never seen, zeros. Throws `PROJECTION_HALTED`. Never waits. */
  series(query: SeriesQuery): CounterSeries;
  status(): ServiceStatus;
  /** Why a hit would be refused now; undefined where it would be taken. */
  refusal(): HitsError | undefined;
  /** All figures as a monitoring system reads them. `eventStreams`: open ones, which HTTP alone knows of. */
  metrics(eventStreams: number): Promise<MetricsText>;
  /** What the dashboard shows, with the samples of its history that came after the one of this number. */
  dashboard(after: number): Promise<DashboardData>;
}

export interface MetricsText {
  /** The media type. */
  readonly type: string;
  readonly body: string;
}
