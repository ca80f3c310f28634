/**
 * The parts of the server that the HTTP side calls, each by the interface it needs: it knows neither the log nor a
 * projection. `server/collect.ts` composes the real ones.
 */
import type { ErrorCode, HitsError } from "../errors.js";
import type { Client } from "./access.js";
import type { CounterSeries, CounterState, CountersPage, CountersQuery, SeriesQuery } from "./counters.js";
import type { DashboardData } from "./dashboard-data.js";
import type { Hit } from "./hit.js";
import type { ServiceStatus } from "./status.js";

export interface Services {
  readonly collector: HitCollector;
  readonly view: CounterReader;
  readonly tally: UncountedTally;
  readonly readiness: Readiness;
  readonly status: StatusReader;
  readonly metrics: MetricsReader;
  readonly dashboard: DashboardReader;
}

export interface HitCollector {
  /**
   * Makes one hit durable, then counts it. Rejects with a `HitsError`: `COUNTER_NOT_ALLOWED`, `TOO_MANY_COUNTERS`,
   * `COUNT_LIMIT`, `IDEMPOTENCY_MISMATCH`, `TOO_MANY_KEYS`, `QUEUE_FULL`, `DISK_FULL`, `CLOSING` (not counted) or
   * `LOG_FAILED` (unknown).
   */
  record(hit: Hit, client: Client): Promise<Recorded>;
  /** Begins a group: the hits of one request, which become durable in one batch, all or none. */
  group(client: Client): HitGroup;
}

/** The hits of one request, added one by one. What is added is reserved until the group is committed or abandoned. */
export interface HitGroup {
  /** Hits added so far, retries of others included. */
  readonly size: number;
  /**
   * Adds a hit on top of those before it, unless it is refused: then returns why. `COUNTER_NOT_ALLOWED` by its name,
   * `TOO_MANY_COUNTERS` if its name would be one too many, `COUNT_LIMIT` if its counter is full, `QUEUE_FULL` if it might be
   * with all that is arriving, `IDEMPOTENCY_MISMATCH` or `TOO_MANY_KEYS` by its key, `BODY_TOO_LARGE` if the batch is full.
   */
  add(hit: Hit): HitsError | undefined;
  /** Makes the hits durable, then counts them. Rejects as `record` does. */
  commit(): Promise<RecordedAll>;
  /** Gives back what is reserved, if the group was not committed. */
  abandon(): void;
}

/** The place of a durable hit in the log, and its counter's count. */
export interface Recorded {
  readonly offset: number;
  /** The count with this hit included; null while the counts are unknown: the hit is durable all the same. */
  readonly count: number | null;
  /** True if a hit with this key was there before: this is its answer, and nothing was counted now. */
  readonly replayed: boolean;
}

/** The result of recording the hits of one request in one batch. */
export interface RecordedAll {
  /** Hits that are durable: those of this request, and those that were before. */
  readonly accepted: number;
  /** Hits that were durable before this request. */
  readonly replayed: number;
  /** Offsets of this request's own hits; null if it has none. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
}

/** Reads of counters' current state, which wait for no database. Every method throws `PROJECTION_HALTED` while the counts are unknown. */
export interface CounterReader {
  /** A counter never seen has count 0. */
  counter(name: string): CounterState;
  /** Resolves to counters by name, in the order of UTF-16 code units. */
  counters(query: CountersQuery): Promise<CountersPage>;
  /** A counter's hits by hour or day; zeros for one never seen. */
  series(query: SeriesQuery): CounterSeries;
}

/** Counts what was not counted, for status and metrics. */
export interface UncountedTally {
  /** Adds hits that were refused, wherever that happened. */
  noteRejected(code: ErrorCode, hits: number): void;
  /** Adds a request that could have counted and did not, without being refused. */
  noteNotCounted(reason: string): void;
}

export interface Readiness {
  /** Returns why a hit would be refused now; undefined if it would be taken. */
  refusal(): HitsError | undefined;
}

export interface StatusReader {
  read(): ServiceStatus;
}

export interface MetricsReader {
  /** Renders all metrics for a monitoring system. Only HTTP knows what clients hold. */
  render(budgets: BudgetFigures): Promise<MetricsText>;
}

/** What clients hold of each resource that they share. */
export type BudgetFigures = Readonly<Record<"connections" | "streams" | "bulk_bytes" | "answer_bytes", Budget>>;

export interface Budget {
  readonly capacity: number;
  readonly held: number;
  /** Holdings taken back to make room for other clients, since the start. */
  readonly evicted: number;
  /** Times that a client got nothing more, since the start. */
  readonly refused: number;
}

export interface MetricsText {
  /** The media type. */
  readonly type: string;
  readonly body: string;
}

export interface DashboardReader {
  /** Resolves to what the dashboard shows. `after`: the number of the newest history sample that the client has. */
  data(after: number): Promise<DashboardData>;
}

/** A log for the operator, with the methods that this program uses of a pino logger. */
export interface Logger {
  /** For lines that are costly to build: check `isLevelEnabled` first. */
  debug?(fields: object, message: string): void;
  isLevelEnabled?(level: "debug"): boolean;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
