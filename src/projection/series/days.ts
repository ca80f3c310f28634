export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const NAME = /^(\d{4}-\d{2}-\d{2}) (.+)$/su;

/** Returns the UTC day of a time, counted from 1 January 1970. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** Formats a time to the second: `2026-11-24T13:00:00Z`. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** Formats a day: `2026-11-24`. */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Returns the name of a counter's day: `2026-11-24 home`. */
export function dayName(day: number, counter: string): string {
  return `${dayText(day)} ${counter}`;
}

/** Returns day and counter of such a name; undefined for any other text. */
export function partsOfDayName(name: string): { readonly day: number; readonly counter: string } | undefined {
  const [, text = "", counter = ""] = NAME.exec(name) ?? [];
  const day = dayOf(Date.parse(text));
  return Number.isNaN(day) ? undefined : { day, counter };
}
