import type { Slot } from "./document.js";

/** What a document was seen to have of a log, as two numbers: an offset below 0 stands for what is none. */
export const UNKNOWN = -1;
const ABSENT = -2;
const NO_DOCUMENT = -3;

/** A slot as seen; "absent": a document without one; "no document": none at all. */
export type SeenSlot = Slot | "absent" | "no document";

/** The numbers of a seen slot. */
export function numbersOf(seen: SeenSlot): Slot {
  if (seen === "absent") return { offset: ABSENT, count: 0 };
  return seen === "no document" ? { offset: NO_DOCUMENT, count: 0 } : seen;
}

/** The seen slot of numbers, which must not be unknown. */
export function seenSlot(offset: number, count: number): SeenSlot {
  if (offset === ABSENT) return "absent";
  return offset === NO_DOCUMENT ? "no document" : { offset, count };
}
