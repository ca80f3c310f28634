import type { ErrorCode, HitsError } from "../errors.js";
import type { Hit } from "../hit.js";
import type { DashboardData } from "./dashboard/dashboard-data.js";

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

export interface Admission {
  /** Why this hit may not count beside those judged before: `TOO_MANY_COUNTERS`, `COUNT_LIMIT`, `IDEMPOTENCY_MISMATCH`, `TOO_MANY_KEYS`. */
  refuse(hit: Hit): HitsError | undefined;
}

export interface Recorded {
  readonly offset: number;
  readonly count: number | null;
  /** A hit with this key was there before: this is its answer, and nothing was counted now. */
  readonly replayed: boolean;
}

export interface RecordedAll {
  /** Hits that are durable: those of this request, and those that were before. */
  readonly accepted: number;
  /** Hits of which that was so before this request. */
  readonly replayed: number;
  /** Where this request's own hits lie; null where it has none. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
}

export interface CounterState {
  readonly counter: string;
  readonly count: number;
  readonly projected: number;
  readonly pending: number;
  /** RFC 3339: when the database's part was read; null where it never was. */
  readonly asOf: string | null;
  /** Present after damage in the log: the true count may be higher. */
  readonly incomplete?: true;
}

export interface CountersQuery {
  readonly prefix: string;
  readonly limit: number;
  /** Names behind this one. */
  readonly after: string | undefined;
}

export interface CountersPage {
  readonly counters: readonly CounterState[];
  /** What to give as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** A range of time, of at most 1,000 buckets. */
export interface SeriesQuery {
  readonly counter: string;
  /** Buckets, in UTC. */
  readonly by: "hour" | "day";
  /** Epoch milliseconds: the buckets that this lies in, and up to the one that the last millisecond before `to` lies in. */
  readonly from: number;
  readonly to: number;
}

/** What this log has counted in a range of time. */
export interface CounterSeries {
  readonly counter: string;
  readonly by: "hour" | "day";
  /** RFC 3339: where the first bucket begins, and where the last one ends. */
  readonly from: string;
  readonly to: string;
  /** RFC 3339: from when on it is whole; null: from the log's birth on. What lies before is left out of `points`. */
  readonly since: string | null;
  /** By hour only: the same for hours, since older ones are folded into their day. */
  readonly hoursSince?: string | null;
  readonly points: readonly SeriesPoint[];
  readonly incomplete?: true;
}

export interface SeriesPoint {
  /** RFC 3339: where the bucket begins. */
  readonly at: string;
  readonly count: number;
}

export interface ServiceStatus {
  readonly log: {
    readonly id: string;
    readonly epoch: number;
    readonly start: number;
    readonly end: number;
    readonly segments: number;
    readonly bytes: number;
    readonly damage: readonly DamageStatus[];
    readonly missing: readonly MissingStatus[];
  };
  readonly projections: readonly ProjectionStatus[];
  /** Hits accepted and hits refused since the start of this process. */
  readonly accepted: number;
  readonly rejected: number;
  /** Seconds since the start of this process. */
  readonly uptime: number;
}

export interface DamageStatus {
  readonly file: string;
  readonly byte: number;
  readonly from: number;
  readonly to: number | null;
  readonly found: string;
}

/** Offsets that a repair has written down as missing. */
export interface MissingStatus {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  /** RFC 3339. */
  readonly repaired: string;
  /** Records that stand for what is missing, by what a snapshot or the database knew. */
  readonly mended: number;
  /** False: the database has not been asked yet, and its projection waits in front of this. */
  readonly settled: boolean;
}

export interface ProjectionStatus {
  readonly name: string;
  readonly checkpoint: number;
  /** In hits. */
  readonly lag: number;
  readonly state: "running" | "retrying" | "halted";
  /** Counters that can't be projected for a reason of their own, and the first hundred of them. */
  readonly blocked: number;
  readonly blockedCounters?: readonly { readonly counter: string; readonly reason: string }[];
  readonly lastError: string | null;
  /** Failed attempts since the start of this process; absent where another process makes them, or there are none to make. */
  readonly errors?: number;
  /** Counters' days that the database may lack hits of; absent as `errors` is. */
  readonly seriesOwed?: number;
  /** RFC 3339: since when it is in this state. */
  readonly since: string;
}
