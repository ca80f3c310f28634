import type { DashboardData } from "../../../model/dashboard-data.js";
import type { Sign } from "../../page/assets/page.js";

/** `1,234`. */
export function number(n: number): string;
/** `1 hit`, `2,000 hits`, without a line break within. */
export function amount(n: number, one: string, more?: string): string;
/** Hits per second, with a decimal below 10. */
export function rate(n: number): string;
/** `1.2 GiB`. */
export function bytes(n: number): string;
/** `12 s`, `3 min`, `2 h 5 min`. */
export function duration(ms: number): string;

/** Returns the state of the projection into MongoDB, at so many hits per second. */
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
  /** Details, which can contain text of others: an error, a counter's name. */
  readonly list: readonly (string | { readonly name: string; readonly text: string })[];
  /** The remedy. A command is between backticks. */
  readonly todo: string;
}

/** Returns what needs attention, the worst first. */
export function problems(data: DashboardData): readonly Problem[];

/** Returns why the charts do not show a whole hour, with the server's `uptime` in seconds; "" if they do. */
export function sinceWords(samples: readonly { readonly at: number }[], now: number, uptime: number): string;

/** Returns what a chart shows, in words. */
export function chartWords<T extends { readonly at: number }>(chart: {
  readonly samples: readonly T[];
  readonly value: (sample: T) => number;
  readonly now: number;
  readonly words: (value: number) => string;
}): string;
