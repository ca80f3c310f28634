import { type ErrorCode, HitsError } from "../../src/errors.js";
import type {
  CounterSeries,
  CounterState,
  CountersPage,
  CountersQuery,
  SeriesQuery,
} from "../../src/model/counters.js";
import type { DashboardData } from "../../src/model/dashboard-data.js";
import type { Hit } from "../../src/model/hit.js";
import type {
  BudgetFigures,
  CounterReader,
  HitCollector,
  HitGroup,
  Logger,
  Readiness,
  Recorded,
  Services,
  UncountedTally,
} from "../../src/model/services.js";
import type { ProjectionStatus, ServiceStatus } from "../../src/model/status.js";
import { dashboardData } from "./dashboard/data.js";

/** All services in memory, every part of which a test can break. */
export class FakeServices implements Services, HitCollector, CounterReader, UncountedTally, Readiness {
  readonly collector: HitCollector = this;
  readonly view: CounterReader = this;
  readonly tally: UncountedTally = this;
  readonly readiness: Readiness = this;
  /** Every accepted hit, in order. */
  readonly hits: Hit[] = [];
  /** Sizes of the accepted batches. */
  readonly batches: number[] = [];
  /** Groups that were given up without a commit. */
  abandoned = 0;
  /** The error that `record` and a commit reject with. */
  failure: unknown;
  /** Called for each hit that is added to a group. */
  refuse: (hit: Hit) => HitsError | undefined = () => undefined;
  /** Names that a group refuses. */
  readonly unwanted = new Set<string>();
  /** Refused hits, by code. */
  readonly rejected = new Map<ErrorCode, number>();
  /** Requests that were not counted without being refused, by reason. */
  readonly notCounted = new Map<string, number>();
  halted = false;
  /** True: `record` reports hits as replayed. */
  replayed = false;
  /** Delays `record`. */
  gate: Promise<void> = Promise.resolve();
  projections: ProjectionStatus[] = [
    {
      name: "local",
      checkpoint: 0,
      lag: 0,
      state: "running",
      blocked: 0,
      lastError: null,
      since: "2026-01-15T12:00:00Z",
    },
  ];
  /** Calls of `counter`, by name. */
  readonly asked = new Map<string, number>();
  /** Queries of `series`. */
  readonly seriesAsked: SeriesQuery[] = [];
  /** Reads of the status. */
  statusAsked = 0;
  incomplete = false;
  /** Calls of `record`, also those that wait or are refused. */
  recordCalls = 0;
  /** `after` of each request for the dashboard's data. */
  readonly dashboardsAfter: number[] = [];

  async record(hit: Hit): Promise<Recorded> {
    this.recordCalls++;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const offset = this.hits.push(hit) - 1;
    return { offset, count: this.halted ? null : this.#count(hit.counter), replayed: this.replayed };
  }

  group(): HitGroup {
    const added: Hit[] = [];
    let isCommitted = false;
    return {
      get size() {
        return added.length;
      },
      add: (hit) => {
        const refused = this.refuse(hit);
        if (refused !== undefined) return refused;
        if (this.unwanted.has(hit.counter)) return new HitsError("TOO_MANY_COUNTERS", `${hit.counter} is one too many`);
        added.push(hit);
        return undefined;
      },
      commit: async () => {
        isCommitted = true;
        await this.gate;
        if (this.failure !== undefined) throw this.failure;
        const firstOffset = this.hits.length;
        for (const hit of added) this.hits.push(hit);
        this.batches.push(added.length);
        return { accepted: added.length, replayed: 0, firstOffset, lastOffset: this.hits.length - 1 };
      },
      abandon: () => {
        if (!isCommitted) this.abandoned++;
      },
    };
  }

  noteRejected(code: ErrorCode, hits: number): void {
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + hits);
  }

  noteNotCounted(reason: string): void {
    this.notCounted.set(reason, (this.notCounted.get(reason) ?? 0) + 1);
  }

  counter(name: string): CounterState {
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    if (this.halted) throw new HitsError("PROJECTION_HALTED", "no snapshot in /secret/dir");
    const count = this.#count(name);
    const state = { counter: name, count, projected: count, pending: 0, asOf: new Date().toISOString() };
    return this.incomplete ? { ...state, incomplete: true } : state;
  }

  async counters({ prefix, limit, after }: CountersQuery): Promise<CountersPage> {
    if (this.halted) throw new HitsError("PROJECTION_HALTED", "no snapshot in /secret/dir");
    const names = [...new Set(this.hits.map((hit) => hit.counter))].sort();
    const matching = names.filter((name) => name.startsWith(prefix) && (after === undefined || name > after));
    const shown = matching.slice(0, limit);
    return {
      counters: shown.map((name) => this.counter(name)),
      next: matching.length > limit ? (shown.at(-1) ?? null) : null,
    };
  }

  series({ counter, by, from, to }: SeriesQuery): CounterSeries {
    if (this.halted) throw new HitsError("PROJECTION_HALTED", "no snapshot in /secret/dir");
    this.seriesAsked.push({ counter, by, from, to });
    const at = new Date(from).toISOString();
    const points = [{ at, count: this.#count(counter) }];
    return { counter, by, from: at, to: new Date(to).toISOString(), since: null, points };
  }

  readonly status = {
    read: (): ServiceStatus => {
      this.statusAsked++;
      return {
        log: { id: "abc", epoch: 1, start: 0, end: this.hits.length, segments: 1, bytes: 0, damage: [], missing: [] },
        projections: this.projections,
        accepted: this.hits.length,
        rejected: 0,
        uptime: 1,
      };
    },
  };

  refusal(): HitsError | undefined {
    return this.failure instanceof HitsError ? this.failure : undefined;
  }

  readonly metrics = {
    render: async ({ streams }: BudgetFigures) => {
      if (this.failure !== undefined) throw this.failure;
      return { type: "text/plain; version=0.0.4", body: `event_streams ${streams.held}\n` };
    },
  };

  readonly dashboard = {
    data: async (after: number): Promise<DashboardData> => {
      this.dashboardsAfter.push(after);
      return dashboardData();
    },
  };

  #count(name: string): number {
    return this.hits.reduce((sum, hit) => (hit.counter === name ? sum + hit.n : sum), 0);
  }
}

/** A logger that keeps its lines. */
export class FakeLogger implements Logger {
  readonly lines: { level: "info" | "warn" | "error"; fields: object; message: string }[] = [];

  info(fields: object, message: string): void {
    this.lines.push({ level: "info", fields, message });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: "warn", fields, message });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: "error", fields, message });
  }

  get errors(): string[] {
    return this.lines.filter(({ level }) => level === "error").map(({ message }) => message);
  }
}
