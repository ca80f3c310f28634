import { Counter, Histogram, type Registry } from "prom-client";
import type { BatchTiming } from "../../wal/group-commit.js";
import { FastHistogram } from "./fast-histogram.js";

export const PREFIX = "durable_hits_";

/** From a write into a disk's cache that power can't clear to one that waits for a queue of others. */
const SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const RECORDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000];

/** Metrics of the log's writes, updated once a batch. */
export class BatchMetrics {
  readonly #appends: FastHistogram;
  readonly #writes: Histogram;
  readonly #records: Histogram;
  readonly #writtenBytes: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#appends = new FastHistogram({
      name: `${PREFIX}append_duration_seconds`,
      help: "From a request's append to the log until its hits were durable, waiting for the batch before included.",
      buckets: SECONDS,
      registers,
    });
    this.#writes = new Histogram({
      name: `${PREFIX}write_duration_seconds`,
      help: "The durable write of a batch.",
      buckets: SECONDS,
      registers,
    });
    this.#records = new Histogram({
      name: `${PREFIX}batch_records`,
      help: "Hits in a batch, which share one durable write.",
      buckets: RECORDS,
      registers,
    });
    this.#writtenBytes = new Counter({
      name: `${PREFIX}log_written_bytes_total`,
      help: "Written to the log in batches since the start of this process.",
      registers,
    });
  }

  /** Adds one batch; the log's `onBatch`. */
  readonly note = ({ records, bytes, writeMs, waitsMs }: BatchTiming): void => {
    this.#records.observe(records);
    this.#writtenBytes.inc(bytes);
    this.#writes.observe(writeMs / 1000);
    for (const wait of waitsMs) this.#appends.add(wait / 1000);
  };
}
