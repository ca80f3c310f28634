import type { DashboardData } from "../../../model/dashboard-data.js";

/** `1,234`. */
export function number(n: number): string;
/** `1 hit`, `2,000 hits`, without a line break within. */
export function amount(n: number, one: string, more?: string): string;
/** Hits a second: with a decimal where that says something. */
export function rate(n: number): string;
/** `1.2 GiB`. */
export function bytes(n: number): string;
/** `12 s`, `3 min`, `2 h 5 min`. */
export function duration(ms: number): string;

export type Sign = "up" | "moving" | "away" | "halted" | "local";

/** How the projection into MongoDB stands, at so many hits a second. */
export function mongoWords(
  data: DashboardData,
  hitsPerSecond: number,
): { readonly sign: Sign; readonly lead: string; readonly rest: string };

export interface Problem {
  /** The same for the same kind of problem. */
  readonly id: string;
  readonly sign: Sign;
  readonly title: string;
  readonly text: string;
  /** Details, which others may have written: an error, a counter's name. */
  readonly list: readonly (string | { readonly name: string; readonly text: string })[];
  /** What to do. A command stands between backticks. */
  readonly todo: string;
}

/** What needs somebody's attention, the worst first. */
export function problems(data: DashboardData): readonly Problem[];

/** Why the charts don't show a whole hour, with the server's `uptime` in seconds; "" where they do. */
export function sinceWords(samples: readonly { readonly at: number }[], now: number, uptime: number): string;

/** What a chart shows, in words. */
export function chartWords<T extends { readonly at: number }>(
  samples: readonly T[],
  value: (sample: T) => number,
  now: number,
  say: (value: number) => string,
): string;
