import { DAY_MS, dayOf } from "../series/days.js";
import type { Series } from "../series/series.js";
import type { Ledger } from "./applier.js";
import { dayName, partsOfDayName } from "./day-name.js";
import { numbersOf, type SeenSlot, seenSlot, UNKNOWN } from "./seen-slot.js";
import type { Slots } from "./slots.js";
import type { SlotUpdate } from "./store.js";

/** A key is a counter's index and a day in one number. */
const INDEXES = 2 ** 26;
/** Over it, what is known of single documents is given up, and all of them are looked at again: about 50 MB. */
const MAX_ENTRIES = 500_000;

/** A counter's day that owes something, or that a change of the server may have taken back. */
interface Entry {
  owed: boolean;
  /** The offset behind the last hit of it. */
  lastHit: number;
  slotOffset: number;
  slotCount: number;
}

/**
 * What the log says of each counter's days, and what their documents were last seen to have, where that is not the same or
 * not certain yet. The counts are the series'; so what is held besides is a bounded number of entries. Where these would be
 * too many they are given up, and `isLost` says that every document has to be looked at.
 */
export class SeriesSlots implements Ledger {
  readonly series: Series;
  readonly #counters: Slots;
  readonly #maxEntries: number;
  readonly #days = new Map<number, Map<number, Entry>>();
  #size = 0;
  #owed = 0;
  #end = 0;
  #isLost = false;
  /** Entries of hits below it were given up before they were certain. */
  #vagueBelow = 0;
  /** The day that was touched last, at hand. */
  #day = Number.NaN;
  #ofDay: Map<number, Entry> = new Map();

  constructor(series: Series, counters: Slots, maxEntries = MAX_ENTRIES) {
    this.series = series;
    this.#counters = counters;
    this.#maxEntries = maxEntries;
  }

  /** How many counters' days owe something, or may. */
  get owed(): number {
    return this.#owed;
  }

  /** Whether it is unknown which documents owe something: all of them have to be looked at. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** A hit of the log. `covered`: below the checkpoint, so that the database has it already. */
  add(index: number, n: number, at: number, endOffset: number, covered: boolean): void {
    this.series.add(index, n, at);
    if (!covered) this.touch(index, at, endOffset);
  }

  /** A hit that the series has, and the database may not. */
  touch(index: number, at: number, endOffset: number): void {
    const day = dayOf(at);
    if (day !== this.#day) this.#turnTo(day);
    this.#end = endOffset;
    const entry = this.#ofDay.get(index);
    if (entry === undefined) this.#enter(index, day, { owed: true, slotOffset: UNKNOWN, slotCount: 0 });
    else {
      entry.lastHit = endOffset;
      this.#setOwed(entry, true);
    }
  }

  /** Every document has to be looked at: what is known of them is void. */
  lose(): void {
    this.#days.clear();
    this.#day = Number.NaN;
    this.#size = this.#owed = 0;
    this.#isLost = true;
  }

  /** All documents are being looked at, or have been: what owes something has an entry. */
  found(): void {
    this.#isLost = false;
  }

  /** Forgets what was seen of every document whose last hit is at or above this offset. */
  forgetFrom(offset: number): void {
    if (offset < this.#vagueBelow) this.lose();
    for (const entry of this.#entries()) if (entry.lastHit > offset) this.#forget(entry);
  }

  /** Gives up entries that owe nothing, of hits below this offset: nothing can take them back by now. */
  prune(certain: number): void {
    this.#remove((entry) => entry.lastHit <= certain);
    if (this.#size <= this.#maxEntries / 2) return;
    this.#remove((entry) => {
      this.#vagueBelow = Math.max(this.#vagueBelow, entry.lastHit);
      return true;
    });
  }

  owing(): number[] {
    const owing: number[] = [];
    if (this.#owed === 0) return owing;
    for (const [day, entries] of this.#days) {
      for (const [index, { owed }] of entries) if (owed) owing.push(keyOf(day, index));
    }
    return owing;
  }

  keyOf(index: number, day: number): number {
    return keyOf(day, index);
  }

  partsOf(key: number): { index: number; day: number } {
    return partsOf(key);
  }

  find(name: string): number | undefined {
    const parts = partsOfDayName(name);
    const index = parts === undefined ? undefined : this.#counters.find(parts.counter);
    return parts === undefined || index === undefined ? undefined : keyOf(parts.day, index);
  }

  nameOf(key: number): string {
    const { index, day } = partsOf(key);
    return dayName(day, this.#counters.nameOf(index));
  }

  isKnown(key: number): boolean {
    const entry = this.#find(key);
    return entry !== undefined && entry.slotOffset !== UNKNOWN;
  }

  see(key: number, slot: SeenSlot): void {
    const { index, day } = partsOf(key);
    const { offset: slotOffset, count: slotCount } = numbersOf(slot);
    // More than the log says, or than is known of it, is left alone: the series may have begun later.
    const owed = (this.series.count(index, day) ?? 0) > slotCount;
    const entry = this.#find(key);
    if (entry === undefined) {
      if (owed) this.#enter(index, day, { owed, slotOffset, slotCount });
      return;
    }
    entry.slotOffset = slotOffset;
    entry.slotCount = slotCount;
    this.#setOwed(entry, owed);
  }

  forget(key: number): void {
    const entry = this.#find(key);
    if (entry !== undefined) this.#forget(entry);
    else {
      const { index, day } = partsOf(key);
      this.#enter(index, day, { owed: true, slotOffset: UNKNOWN, slotCount: 0 });
    }
  }

  update(key: number, foldOffset: number): SlotUpdate | "done" | "later" {
    const { index, day } = partsOf(key);
    const entry = this.#find(key);
    const total = this.series.count(index, day) ?? 0;
    if (entry === undefined || total <= entry.slotCount) {
      if (entry !== undefined) this.#setOwed(entry, false);
      return "done";
    }
    const { slotOffset: offset, slotCount: count } = entry;
    if (offset > foldOffset) return "later";
    const counter = this.#counters.nameOf(index);
    return {
      name: this.nameOf(key),
      seen: seenSlot(offset, count),
      next: { offset: foldOffset, count: total },
      day: { counter, at: day * DAY_MS, hours: this.series.hours(index, day) },
    };
  }

  #find(key: number): Entry | undefined {
    const { index, day } = partsOf(key);
    return this.#days.get(day)?.get(index);
  }

  #enter(index: number, day: number, entry: Omit<Entry, "lastHit">): void {
    if (this.#size >= this.#maxEntries) this.lose();
    if (day !== this.#day) this.#turnTo(day);
    // Of one that no hit was seen of, only that it was not later than the last.
    this.#ofDay.set(index, { ...entry, lastHit: this.#end });
    this.#size++;
    if (entry.owed) this.#owed++;
  }

  #turnTo(day: number): void {
    const there = this.#days.get(day);
    this.#ofDay = there ?? new Map();
    if (there === undefined) this.#days.set(day, this.#ofDay);
    this.#day = day;
  }

  #forget(entry: Entry): void {
    entry.slotOffset = UNKNOWN;
    this.#setOwed(entry, true);
  }

  #setOwed(entry: Entry, owed: boolean): void {
    if (entry.owed !== owed) this.#owed += owed ? 1 : -1;
    entry.owed = owed;
  }

  *#entries(): Generator<Entry> {
    for (const entries of this.#days.values()) yield* entries.values();
  }

  #remove(isWanted: (entry: Entry) => boolean): void {
    for (const [day, entries] of this.#days) {
      for (const [index, entry] of entries) {
        if (entry.owed || !isWanted(entry)) continue;
        entries.delete(index);
        this.#size--;
      }
      if (entries.size === 0) this.#days.delete(day);
    }
    this.#day = Number.NaN;
  }
}

function keyOf(day: number, index: number): number {
  return day * INDEXES + index;
}

function partsOf(key: number): { index: number; day: number } {
  const day = Math.floor(key / INDEXES);
  return { index: key - day * INDEXES, day };
}
