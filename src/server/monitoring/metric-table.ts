import type { ProjectionStatus, ServiceStatus } from "../../model/status.js";

/** How things stand at the moment of a scrape. Taken at once, so that no two metrics contradict each other. */
export interface Figures {
  readonly status: ServiceStatus;
  /** Whether a hit would be accepted now. */
  readonly ready: boolean;
  /** Hits by code, and views by reason. */
  readonly rejected: ReadonlyMap<string, number>;
  readonly notCounted: ReadonlyMap<string, number>;
  readonly writtenBytes: number;
  readonly queuedBytes: number;
  /** Undefined while the counts are unknown. */
  readonly counters: number | undefined;
  readonly keys: number;
  readonly eventStreams: number;
  /** Undefined where the volume does not say. */
  readonly freeBytes: number | undefined;
}

/** What is set once: a graph of a figure beside its bound says how near it is. */
export interface Limits {
  readonly maxQueuedBytes: number;
  readonly maxCounters: number;
  readonly maxIdempotencyKeys: number;
}

/** The program that answers. */
export interface BuildInfo {
  readonly version: string;
  /** Of Node.js. */
  readonly node: string;
  readonly role: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric that is read off the figures; nothing is kept of it between two scrapes. */
export interface FigureMetric {
  readonly type: "counter" | "gauge";
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** No samples: it is unknown, or not measured here. */
  readonly read: (figures: Figures) => readonly Sample[];
}

/** There from the start with 0, so that a rate sees the first of them too. */
const WATCHED_CODES = ["QUEUE_FULL", "DISK_FULL", "LOG_FAILED", "CLOSING", "TOO_MANY_COUNTERS", "TOO_MANY_KEYS"];
const STATES: readonly ProjectionStatus["state"][] = ["running", "retrying", "halted"];

/** Returns all metrics that are read off the figures. */
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
    gauge("counters", "Counters known; absent while the counts are unknown.", (figures) => figures.counters),
    gauge("counters_limit", "Counters that there may be (MAX_COUNTERS).", () => maxCounters),
    gauge("idempotency_keys", "Keys of hits remembered, so that retries do not count twice.", ({ keys }) => keys),
    gauge("idempotency_keys_limit", "Keys remembered at most (MAX_IDEMPOTENCY_KEYS).", () => maxIdempotencyKeys),
    gauge("event_streams", "Open streams of GET /events.", ({ eventStreams }) => eventStreams),

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
    gauge("log_queue_limit_bytes", "Over it hits get QUEUE_FULL (MAX_QUEUED_BYTES).", () => maxQueuedBytes),
    gauge(
      "log_free_bytes",
      "Free space on the log's volume; absent if it can't be read.",
      ({ freeBytes }) => freeBytes,
    ),

    byProjection("gauge", "lag_hits", "Hits that the projection has not confirmed.", ({ lag }) => lag),
    byProjection("gauge", "checkpoint_offset", "The first offset not projected.", ({ checkpoint }) => checkpoint),
    byProjection(
      "gauge",
      "blocked_counters",
      "Counters that can't be projected; see /status.",
      ({ blocked }) => blocked,
    ),
    byProjection("counter", "errors_total", "Failed attempts; absent for one in another process.", (one) => one.errors),
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

function byProjection(
  type: FigureMetric["type"],
  name: string,
  help: string,
  read: (projection: ProjectionStatus) => number | undefined,
): FigureMetric {
  return {
    type,
    name: `projection_${name}`,
    help,
    labels: ["projection"],
    read: ({ status }) => status.projections.flatMap((one) => sample({ projection: one.name }, read(one))),
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
