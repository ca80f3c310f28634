/**
 * The text of `GET /metrics`. Hits pay nothing for it: most metrics are read at the moment of a scrape, from figures that
 * are kept anyway (metric-table.ts); those of the log's writes are updated once a batch (batch-metrics.ts).
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { FreeSpace } from "../../host/free-space.js";
import type { BudgetFigures, MetricsReader, MetricsText, Readiness, StatusReader } from "../../model/services.js";
import type { IdempotencyKeys } from "../../projection/idempotency-keys.js";
import type { View } from "../../projection/view.js";
import type { Log } from "../../wal/log.js";
import type { Tally } from "../server-status.js";
import { type BatchMetrics, PREFIX } from "./batch-metrics.js";
import { type BuildInfo, type FigureMetric, type Figures, figureMetrics, type Limits } from "./metric-table.js";

/** Default metrics left out: they walk all open sockets at each scrape, and are no totals. */
const LEFT_OUT = [
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
  "nodejs_active_resources",
  "nodejs_active_resources_total",
];

export interface MetricsOptions {
  readonly build: BuildInfo;
  readonly limits: Limits;
  readonly space: FreeSpace;
  readonly sources: MetricsSources;
}

export interface MetricsSources {
  readonly status: StatusReader;
  readonly readiness: Readiness;
  readonly batches: BatchMetrics;
  readonly tally: Pick<Tally, "rejected" | "notCounted">;
  readonly log: Pick<Log, "queuedBytes">;
  readonly keys: Pick<IdempotencyKeys, "size">;
  readonly view: Pick<View, "size">;
}

export class Metrics implements MetricsReader {
  readonly #registry = new Registry();
  readonly #space: FreeSpace;
  readonly #sources: MetricsSources;
  readonly #setters: readonly ((figures: Figures) => void)[];

  constructor({ build, limits, space, sources }: MetricsOptions) {
    this.#space = space;
    this.#sources = sources;
    this.#setters = figureMetrics(limits, build).map((metric) => this.#setter(metric));
    collectDefaultMetrics({ register: this.#registry });
    for (const name of LEFT_OUT) this.#registry.removeSingleMetric(name);
  }

  async render(budgets: BudgetFigures): Promise<MetricsText> {
    const freeBytes = await this.#space.bytes();
    const { status, readiness, batches, tally, log, keys, view } = this.#sources;
    const figures: Figures = {
      status: status.read(),
      ready: readiness.refusal() === undefined,
      rejected: tally.rejected,
      notCounted: tally.notCounted,
      writtenBytes: batches.writtenBytes,
      queuedBytes: log.queuedBytes,
      counters: view.size,
      keys: keys.size,
      budgets,
      freeBytes,
    };
    for (const set of this.#setters) set(figures);
    return { type: this.#registry.contentType, body: `${await this.#registry.metrics()}\n${batches.text()}` };
  }

  #setter({ type, name, help, labels, read }: FigureMetric): (figures: Figures) => void {
    const config = { name: `${PREFIX}${name}`, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === "gauge") {
      const gauge = new Gauge(config);
      return (figures) => {
        // A projection that is gone, or a figure that is unknown, leaves no old sample in place.
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
