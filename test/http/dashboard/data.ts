import type { DashboardData, TopCounter } from "../../../src/model/dashboard-data.js";
import type { ProjectionStatus } from "../../../src/model/status.js";

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

export function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

export function local(over: Partial<ProjectionStatus> = {}): ProjectionStatus {
  const status = { name: "local", checkpoint: 9000, lag: 0, state: "running", blocked: 0, lastError: null } as const;
  return { ...status, since: ago(7200), ...over };
}

export function mongodb(over: Partial<ProjectionStatus> = {}): ProjectionStatus {
  return { ...local(), name: "mongodb", blockedCounters: [], errors: 0, ...over };
}

export function top(counter: string, count: number, over: Partial<TopCounter> = {}): TopCounter {
  const hours = Array.from({ length: 24 }, (_, i) => (i * 7) % 12);
  return { counter, count, projected: count, pending: 0, asOf: ago(1), hours, ...over };
}

export function counters(...shown: readonly TopCounter[]): DashboardData["counters"] {
  const owing = shown.filter(({ pending }) => pending > 0).length;
  return { known: shown.length, limit: 1_000_000, owing, top: shown };
}

/** Samples every five seconds up to now, the newest last. */
export function historyOf(...samples: readonly (readonly [rate: number, owed: number, state: number])[]) {
  return {
    everyMs: 5000,
    last: samples.length,
    at: samples.map((_, i) => Date.now() - (samples.length - 1 - i) * 5000),
    rate: samples.map(([rate]) => rate),
    owed: samples.map(([, owed]) => owed),
    state: samples.map(([, , state]) => state),
  };
}

export function logOf(over: Partial<DashboardData["log"]> = {}): DashboardData["log"] {
  const none = { total: 0, first: [] };
  const offsets = { id: "k3v9q0w2m4x7a1b5", epoch: 7, start: 0, end: 9000 };
  const sizes = { segments: 18, bytes: Math.round(1.2 * GIB), segmentBytes: 64 * MIB, freeBytes: 40 * GIB };
  return { ...offsets, ...sizes, damage: none, unsettled: none, ...over };
}

/** Returns data with MongoDB up and nothing wrong, apart from `over`. */
export function dashboardData(over: Partial<DashboardData> = {}): DashboardData {
  return {
    now: Date.now(),
    refusal: null,
    accepted: 9000,
    rejected: 3,
    uptime: 7200,
    log: logOf(),
    projections: [local(), mongodb()],
    counters: counters(top("/", 6200), top("/about", 2800)),
    history: historyOf([10, 0, 1], [12, 0, 1]),
    ...over,
  };
}

export const DAMAGE = {
  file: "00000000000000004096.log",
  byte: 21_504,
  from: 4410,
  to: 4475,
  found: "a batch whose checksum does not match, where a batch should be",
};
