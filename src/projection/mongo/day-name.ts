import { dayOf, dayText } from "../series/days.js";

const NAME = /^(\d{4}-\d{2}-\d{2}) (.+)$/su;

/** The `_id` of the document of a counter's day: `2026-11-24 home`. */
export function dayName(day: number, counter: string): string {
  return `${dayText(day)} ${counter}`;
}

/** Day and counter of such an `_id`; undefined for any other text. */
export function partsOfDayName(name: string): { readonly day: number; readonly counter: string } | undefined {
  const [, text = "", counter = ""] = NAME.exec(name) ?? [];
  const day = dayOf(Date.parse(text));
  return Number.isNaN(day) ? undefined : { day, counter };
}
