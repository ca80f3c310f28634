/**
 * What `GET /metrics` shows, by prom-client. Nothing is done for a hit: most metrics are read off figures that are kept
 * anyway, at the moment of a scrape (metric-table.ts); the log tells once a batch what that took.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { FreeSpace } from "../../host/free-space.js";
import type { MetricsText } from "../../model/services.js";
import type { BatchTiming } from "../../wal/group-commit.js";
import { FastHistogram } from "./fast-histogram.js";
import { type FigureMetric, type Figures, figureMetrics, type Limits } from "./metric-table.js";

const PREFIX = "durable_hits_";

/** From a write into a disk's cache that power can't clear to one behind a queue of others. */
const SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const RECORDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000];

/** Not of the default ones: they walk all open sockets at each scrape, and are no totals. */
const LEFT_OUT = [
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
  "nodejs_active_resources",
  "nodejs_active_resources_total",
];

export interface MetricsOptions extends Limits {
  readonly walDir: string;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #appends: FastHistogram;
  readonly #writes: Histogram;
  readonly #records: Histogram;
  readonly #writtenBytes: Counter;
  readonly #setters: readonly ((figures: Figures) => void)[];
  readonly #space: FreeSpace;

  constructor(options: MetricsOptions, space = new FreeSpace(options.walDir)) {
    this.#space = space;
    this.#appends = new FastHistogram({
      name: `${PREFIX}append_duration_seconds`,
      help: "From a request's append to the log until its hits were durable, waiting for the batch before included.",
      buckets: SECONDS,
      registers: [this.#registry],
    });
    this.#writes = this.#histogram("write_duration_seconds", "The durable write of a batch.", SECONDS);
    this.#records = this.#histogram("batch_records", "Hits in a batch, which share one durable write.", RECORDS);
    this.#writtenBytes = new Counter({
      name: `${PREFIX}log_written_bytes_total`,
      help: "Written to the log in batches since the start of this process.",
      registers: [this.#registry],
    });
    this.#setters = figureMetrics(options).map((metric) => this.#setter(metric));
    collectDefaultMetrics({ register: this.#registry });
    for (const name of LEFT_OUT) this.#registry.removeSingleMetric(name);
  }

  /** Takes what the log tells of a batch. */
  readonly noteBatch = ({ records, bytes, writeMs, waitsMs }: BatchTiming): void => {
    this.#records.observe(records);
    this.#writtenBytes.inc(bytes);
    this.#writes.observe(writeMs / 1000);
    for (const wait of waitsMs) this.#appends.add(wait / 1000);
  };

  /** The text of a scrape. `figures` is asked once. */
  async render(figures: () => Omit<Figures, "freeBytes">): Promise<MetricsText> {
    const freeBytes = await this.#space.bytes();
    const all = { ...figures(), freeBytes };
    for (const set of this.#setters) set(all);
    return { type: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `${PREFIX}${name}`, help, buckets, registers: [this.#registry] });
  }

  #setter({ type, name, help, labels, read }: FigureMetric): (figures: Figures) => void {
    const config = { name: `${PREFIX}${name}`, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === "gauge") {
      const gauge = new Gauge(config);
      return (figures) => {
        // A projection that is gone, or a figure that is unknown, leaves no old sample behind.
        gauge.reset();
        const samples = read(figures);
        if (samples.length === 0 && labels.length === 0) gauge.remove();
        for (const { labels: its, value } of samples) gauge.set(its, value);
      };
    }
    const counter = new Counter(config);
    return (figures) => {
      counter.reset();
      for (const { labels: its, value } of read(figures)) counter.inc(its, value);
    };
  }
}
