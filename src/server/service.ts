import type { ErrorCode, HitsError } from "../errors.js";
import type { CounterSeries, CountersPage, CountersQuery, SeriesQuery } from "../model/counters.js";
import type { DashboardData } from "../model/dashboard-data.js";
import type { Hit } from "../model/hit.js";
import type { MetricsText, Services } from "../model/services.js";
import type { ServiceStatus } from "../model/status.js";
import type { LocalProjection } from "../projection/local.js";
import type { CounterView, View } from "../projection/view.js";
import type { Log } from "../wal/log.js";
import type { Admission, Collected, CollectedAll, Collector } from "./collector.js";
import type { Dashboard } from "./monitoring/dashboard.js";
import type { Metrics } from "./monitoring/metrics.js";
import type { OutsideProjection } from "./projections.js";

/** What a counter on the dashboard shows of its past. */
const SPARK_HOURS = 24;

/** Joins log, collector and projections to what the HTTP side asks for. */
export class Service implements Services {
  readonly #log: Log;
  readonly #local: LocalProjection;
  readonly #collector: Collector;
  readonly #view: View;
  readonly #outside: OutsideProjection;
  readonly #metrics: Metrics;
  readonly #dashboard: Dashboard;
  readonly #rejected = new Map<ErrorCode, number>();
  readonly #notCounted = new Map<string, number>();
  readonly #startedAt = performance.now();

  constructor(
    log: Log,
    local: LocalProjection,
    collector: Collector,
    view: View,
    outside: OutsideProjection,
    metrics: Metrics,
    dashboard: Dashboard,
  ) {
    this.#dashboard = dashboard;
    this.#metrics = metrics;
    this.#outside = outside;
    this.#log = log;
    this.#local = local;
    this.#collector = collector;
    this.#view = view;
  }

  record(hit: Hit): Promise<Collected> {
    return this.#collector.record(hit);
  }

  recordAll(hits: readonly Hit[]): Promise<CollectedAll> {
    return this.#collector.recordAll(hits);
  }

  admission(): Admission {
    return this.#collector.admission();
  }

  noteRejected(code: ErrorCode, hits: number): void {
    this.#rejected.set(code, (this.#rejected.get(code) ?? 0) + hits);
  }

  noteNotCounted(reason: string): void {
    this.#notCounted.set(reason, (this.#notCounted.get(reason) ?? 0) + 1);
  }

  counter(name: string): CounterView {
    return this.#view.counter(name);
  }

  counters(query: CountersQuery): CountersPage {
    return this.#view.counters(query);
  }

  series(query: SeriesQuery): CounterSeries {
    return this.#view.series(query);
  }

  refusal(): HitsError | undefined {
    return this.#collector.refusal();
  }

  metrics(eventStreams: number): Promise<MetricsText> {
    return this.#metrics.render(() => ({
      status: this.status(),
      ready: this.refusal() === undefined,
      rejected: this.#rejected,
      notCounted: this.#notCounted,
      queuedBytes: this.#log.queuedBytes,
      counters: this.#local.totals?.size,
      keys: this.#local.keys.size,
      eventStreams,
    }));
  }

  dashboard(after: number): Promise<DashboardData> {
    const source = {
      status: () => this.status(),
      refusal: () => this.refusal(),
      known: () => this.#local.totals?.size,
      top: (limit: number) => this.#view.top(limit),
      hours: (counter: string) => this.#view.lastHours(counter, SPARK_HOURS),
    };
    return this.#dashboard.data(source, after);
  }

  /** Takes a sample for the dashboard's history. */
  sample(): void {
    this.#dashboard.sample(this.status());
  }

  status(): ServiceStatus {
    const { damage, missing, ...log } = this.#log.status();
    const local = this.#local;
    return {
      log: {
        ...log,
        damage: damage.map(({ file, byte, from, to, expected, found }) => ({
          file,
          byte,
          from,
          to: to ?? null,
          found: `${found}, where ${expected} should be`,
        })),
        missing: missing.map(({ file, from, to, repaired, mends, settled }) => {
          return { file, from, to, repaired, mended: mends.length, settled };
        }),
      },
      projections: [
        {
          name: "local",
          checkpoint: local.offset,
          // Every batch is folded before anything of it is acknowledged.
          lag: 0,
          state: local.halted === undefined ? "running" : "halted",
          blocked: 0,
          lastError: local.halted?.message ?? null,
          since: local.since,
        },
        ...this.#outside.statuses(),
      ],
      accepted: this.#collector.accepted,
      rejected: [...this.#rejected.values()].reduce((total, hits) => total + hits, 0),
      uptime: Math.floor((performance.now() - this.#startedAt) / 1000),
    };
  }
}
