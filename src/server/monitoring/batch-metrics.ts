import type { BatchTiming } from "../../wal/group-commit.js";
import { Histogram } from "./histogram.js";

export const PREFIX = "durable_hits_";

/** From a write into a disk's cache that survives power cuts to one that waits for a queue of others. */
const SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const RECORDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000];

/** Figures of the log's writes, updated once a batch. */
export class BatchMetrics {
  readonly #appends = new Histogram({
    name: `${PREFIX}append_duration_seconds`,
    help: "From a request's append to the log until its hits were durable, waiting for the batch before included.",
    bounds: SECONDS,
  });
  readonly #writes = new Histogram({
    name: `${PREFIX}write_duration_seconds`,
    help: "The durable write of a batch.",
    bounds: SECONDS,
  });
  readonly #records = new Histogram({
    name: `${PREFIX}batch_records`,
    help: "Hits in a batch, which share one durable write.",
    bounds: RECORDS,
  });
  #writtenBytes = 0;

  /** Adds one batch; the log's `onBatch`. */
  readonly note = ({ records, bytes, writeMs, waitsMs }: BatchTiming): void => {
    this.#records.add(records);
    this.#writtenBytes += bytes;
    this.#writes.add(writeMs / 1000);
    for (const wait of waitsMs) this.#appends.add(wait / 1000);
  };

  /** Bytes written in batches since the start of this process. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Returns the histograms in the Prometheus text format. */
  text(): string {
    return [this.#appends, this.#writes, this.#records].map((histogram) => histogram.text()).join("\n");
  }
}
