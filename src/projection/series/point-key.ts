import { randomBytes } from "node:crypto";

/** Places in a counter's day: one for each hour, and one more for the day without its hours. */
export const HOURS = 24;
export const WHOLE_DAY = HOURS;
const PLACE_BITS = 5;

/** Returns the key of a point: a whole number from 1 to 2^31 - 1, the counter's index * 32 + the place + 1. */
export function keyOf(index: number, place: number): number {
  return (index << PLACE_BITS) + place + 1;
}

export function indexOf(key: number): number {
  return (key - 1) >>> PLACE_BITS;
}

export function placeOf(key: number): number {
  return (key - 1) & ((1 << PLACE_BITS) - 1);
}

// Clients choose the names, and so the indexes and hours: which of them collide differs from process to process.
const seed = randomBytes(12);
const XOR = seed.readInt32LE(0);
const FIRST = seed.readInt32LE(4) | 1;
const SECOND = seed.readInt32LE(8) | 1;

/** Returns a hash, of 32 bits, that is known to this process alone. */
export function hashOf(index: number): number {
  const first = Math.imul(index ^ XOR, FIRST);
  const second = Math.imul(first ^ (first >>> 15), SECOND);
  return second ^ (second >>> 16);
}
