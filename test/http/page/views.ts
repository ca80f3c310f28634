import type { PageView } from "../../../src/http/page/page.js";
import type { ProjectionStatus } from "../../../src/model/status.js";

export function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

export function projection(name: string, over: Partial<ProjectionStatus> = {}): ProjectionStatus {
  return { name, checkpoint: 0, lag: 0, state: "running", blocked: 0, lastError: null, since: ago(600), ...over };
}

export function view(over: Partial<PageView> = {}): PageView {
  return {
    counter: "home",
    count: 1284,
    pending: 0,
    refused: undefined,
    projections: [projection("local")],
    ...over,
  };
}

export function withMongo(over: Partial<ProjectionStatus>, rest: Partial<PageView> = {}): PageView {
  return view({ projections: [projection("local"), projection("mongodb", over)], ...rest });
}

export const up = (count: number) => withMongo({}, { count });

export function away(count: number, pending: number, seconds = 12): PageView {
  const status = { lag: pending, since: ago(seconds), lastError: "connect ECONNREFUSED" } as const;
  return withMongo({ state: "retrying", ...status }, { count, pending });
}

export const HUGE = Number.MAX_SAFE_INTEGER;
