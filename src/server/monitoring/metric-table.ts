import type { Budget, BudgetFigures } from "../../model/services.js";
import type { ProjectionStatus, ServiceStatus } from "../../model/status.js";

/** The figures of one scrape, all read at once, so that no two metrics contradict each other. */
export interface Figures {
  readonly status: ServiceStatus;
  /** True if a hit would be accepted now. */
  readonly ready: boolean;
  /** Hits by error code, and views by reason. */
  readonly rejected: ReadonlyMap<string, number>;
  readonly notCounted: ReadonlyMap<string, number>;
  readonly writtenBytes: number;
  readonly queuedBytes: number;
  /** Undefined while the counts are unknown. */
  readonly counters: number | undefined;
  readonly keys: number;
  readonly budgets: BudgetFigures;
  /** Undefined if it can't be read. */
  readonly freeBytes: number | undefined;
}

/** Limits from the settings; a graph of a figure with its limit shows how near it is. */
export interface Limits {
  readonly maxQueuedBytes: number;
  readonly maxCounters: number;
  readonly maxIdempotencyKeys: number;
}

/** The program that answers. */
export interface BuildInfo {
  readonly version: string;
  /** The version of Node.js. */
  readonly node: string;
  readonly role: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric read from the figures of a scrape; nothing of it is kept between scrapes. */
export interface FigureMetric {
  readonly type: "counter" | "gauge";
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Returns no samples if the metric is unknown, or not measured in this process. */
  readonly read: (figures: Figures) => readonly Sample[];
}

/** Present from the start with 0, so that a rate includes the first refusal. */
const WATCHED_CODES = ["QUEUE_FULL", "DISK_FULL", "LOG_FAILED", "CLOSING", "TOO_MANY_COUNTERS", "TOO_MANY_KEYS"];
const STATES: readonly ProjectionStatus["state"][] = ["running", "retrying", "halted"];

/** Returns all metrics that are read from the figures. */
export function figureMetrics(limits: Limits, { version, node, role }: BuildInfo): readonly FigureMetric[] {
  const { maxQueuedBytes, maxCounters, maxIdempotencyKeys } = limits;
  return [
    {
      type: "gauge",
      name: "build_info",
      help: "Always 1; labels have the version of this program, that of Node.js, and ROLE.",
      labels: ["version", "node", "role"],
      read: () => [{ labels: { version, node, role }, value: 1 }],
    },
    counter("accepted_total", "Hits made durable since the start of this process.", ({ status }) => status.accepted),
    {
      type: "counter",
      name: "rejected_total",
      help: "Hits refused since the start of this process, by the code of the error that their clients got.",
      labels: ["code"],
      read: ({ rejected }) => byLabel("code", new Map([...WATCHED_CODES.map(zero), ...rejected])),
    },
    {
      type: "counter",
      name: "not_counted_total",
      help: "Views answered and not counted on purpose since the start of this process, by reason.",
      labels: ["reason"],
      read: ({ notCounted }) => byLabel("reason", notCounted),
    },
    gauge("ready", "1 while a hit would be accepted, else 0; /readyz says why.", ({ ready }) => Number(ready)),
    gauge("counters", "Number of counters; absent while the counts are unknown.", (figures) => figures.counters),
    gauge("counters_limit", "The highest number of counters (MAX_COUNTERS).", () => maxCounters),
    gauge("idempotency_keys", "Idempotency keys remembered, so that retries do not count twice.", ({ keys }) => keys),
    gauge(
      "idempotency_keys_limit",
      "The highest number of idempotency keys (MAX_IDEMPOTENCY_KEYS).",
      () => maxIdempotencyKeys,
    ),
    byResource("gauge", "budget_used", "What clients hold of a shared resource.", ({ held }) => held),
    byResource("gauge", "budget_limit", "The most that all clients hold of it together.", ({ capacity }) => capacity),
    byResource(
      "counter",
      "budget_evicted_total",
      "Times that a client lost some of it to another.",
      (one) => one.evicted,
    ),
    byResource("counter", "budget_refused_total", "Times that a client got no more of it.", (one) => one.refused),

    gauge("log_end_offset", "The first offset that is not durable yet.", ({ status }) => status.log.end),
    gauge("log_start_offset", "The first offset that the log still has.", ({ status }) => status.log.start),
    gauge("log_epoch", "The log's epoch, which every start of a writer increases.", ({ status }) => status.log.epoch),
    gauge("log_segments", "Segment files.", ({ status }) => status.log.segments),
    gauge("log_size_bytes", "Size of all segment files.", ({ status }) => status.log.bytes),
    gauge(
      "log_damage",
      "Damaged places found in the log; /status lists them.",
      ({ status }) => status.log.damage.length,
    ),
    counter(
      "log_written_bytes_total",
      "Written to the log in batches since the start of this process.",
      ({ writtenBytes }) => writtenBytes,
    ),
    gauge("log_queued_bytes", "Appended and not yet durable.", ({ queuedBytes }) => queuedBytes),
    gauge(
      "log_queue_limit_bytes",
      "Hits over this limit are refused with QUEUE_FULL (MAX_QUEUED_BYTES).",
      () => maxQueuedBytes,
    ),
    gauge(
      "log_free_bytes",
      "Free space on the log's volume; absent if it can't be read.",
      ({ freeBytes }) => freeBytes,
    ),

    byProjection({
      type: "gauge",
      name: "lag_hits",
      help: "Hits that the projection has not confirmed.",
      read: ({ lag }) => lag,
    }),
    byProjection({
      type: "gauge",
      name: "checkpoint_offset",
      help: "The first offset not projected.",
      read: ({ checkpoint }) => checkpoint,
    }),
    byProjection({
      type: "gauge",
      name: "blocked_counters",
      help: "Counters that can't be projected; see /status.",
      read: ({ blocked }) => blocked,
    }),
    byProjection({
      type: "counter",
      name: "errors_total",
      help: "Failed attempts; absent for a projection in another process.",
      read: ({ errors }) => errors,
    }),
    {
      type: "gauge",
      name: "projection_state",
      help: "1 for the state that the projection is in, 0 for the others.",
      labels: ["projection", "state"],
      read: ({ status }) =>
        status.projections.flatMap(({ name, state }) =>
          STATES.map((one) => ({ labels: { projection: name, state: one }, value: Number(one === state) })),
        ),
    },
  ];
}

type Read = (figures: Figures) => number | undefined;

function gauge(name: string, help: string, read: Read): FigureMetric {
  return { type: "gauge", name, help, labels: [], read: (figures) => sample({}, read(figures)) };
}

function counter(name: string, help: string, read: Read): FigureMetric {
  return { ...gauge(name, help, read), type: "counter" };
}

interface ProjectionMetric {
  readonly type: FigureMetric["type"];
  /** Without the prefix and `projection_`. */
  readonly name: string;
  readonly help: string;
  readonly read: (projection: ProjectionStatus) => number | undefined;
}

function byProjection({ type, name, help, read }: ProjectionMetric): FigureMetric {
  return {
    type,
    name: `projection_${name}`,
    help,
    labels: ["projection"],
    read: ({ status }) => status.projections.flatMap((one) => sample({ projection: one.name }, read(one))),
  };
}

function byResource(
  type: FigureMetric["type"],
  name: string,
  help: string,
  read: (budget: Budget) => number,
): FigureMetric {
  return {
    type,
    name,
    help,
    labels: ["resource"],
    read: ({ budgets }) =>
      Object.entries(budgets).map(([resource, budget]) => ({ labels: { resource }, value: read(budget) })),
  };
}

function byLabel(label: string, values: ReadonlyMap<string, number>): Sample[] {
  return [...values].map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function sample(labels: Sample["labels"], value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}

function zero(code: string): [string, number] {
  return [code, 0];
}
