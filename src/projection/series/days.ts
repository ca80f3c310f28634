export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** The UTC day of a moment, counted from 1 January 1970. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** A moment to the second: `2026-11-24T13:00:00Z`. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** A day: `2026-11-24`. */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
