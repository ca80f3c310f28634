import type { CounterDocument, Slot } from "../../projection/mongo/document.js";
import type { Totals } from "../../projection/totals.js";
import type { Damage } from "../../wal/damage.js";
import type { Difference, Kind, Unjudged } from "./report.js";

const NO_SLOT: Slot = { offset: 0, count: 0 };

/** The log as an audit has read it; the totals are in the rows. */
export interface LogSide {
  /** Totals are known from this offset on: 0, the log's birth, or a snapshot's. */
  readonly from: number;
  /** The first offset past the end of the log. */
  readonly end: number;
  /** Damage hides the log's end. */
  readonly endIsUnknown: boolean;
  /** Totals at offsets above this may be too low; infinite in a log without damage. */
  readonly damagedFrom: number;
  readonly damage: readonly Damage[];
  /** A repair has written down ranges as missing. */
  readonly hasMissing: boolean;
}

/** A counter in MongoDB and in the log. */
export interface Row {
  readonly name: string;
  /** `damaged`: its document can't be compared, which is a difference already. */
  readonly document: "slot" | "no slot" | "none" | "damaged";
  /** This log's slot; without one, no hits at offset 0. */
  readonly slot: Slot;
  /** The total where the history begins, which is 0 at the log's birth. */
  start: number;
  /** The log's totals at the slot's offset and at the checkpoint, as far as the history goes. */
  atSlot: number;
  atCheckpoint: number;
  /** Hits from the slot's offset on. */
  pending: number;
}

/** All counters that MongoDB or the log has. */
export class Rows {
  readonly #checkpoint: number;
  readonly #index = new Map<string, number>();
  readonly #rows: Row[] = [];

  constructor(checkpoint: number) {
    this.#checkpoint = checkpoint;
  }

  /** Returns the row's place in `all`. A counter without a document gets one. */
  indexOf(name: string): number {
    return this.#index.get(name) ?? this.#push({ name, document: "none", slot: NO_SLOT });
  }

  get all(): readonly Row[] {
    return this.#rows;
  }

  addDocument(document: CounterDocument, logId: string): void {
    const slot = document.slots.get(logId);
    this.#push({ name: document.name, document: slot === undefined ? "no slot" : "slot", slot: slot ?? NO_SLOT });
  }

  addDamaged(name: string): void {
    this.#push({ name, document: "damaged", slot: NO_SLOT });
  }

  /** Adds hits of the log at this offset. */
  add(index: number, n: number, offset: number): void {
    const row = this.#rows[index];
    if (row === undefined) return;
    if (offset < row.slot.offset) row.atSlot += n;
    else row.pending += n;
    if (offset < this.#checkpoint) row.atCheckpoint += n;
  }

  /** Starts over with a snapshot's totals, or without one at the log's birth: the log is read from there next. */
  start(totals: Totals | undefined): void {
    for (const row of this.#rows) row.start = row.atSlot = row.atCheckpoint = row.pending = 0;
    for (const [name, index] of totals?.names() ?? []) this.startRow(name, totals?.countAt(index) ?? 0);
  }

  startRow(name: string, count: number): void {
    const row = this.#rows[this.indexOf(name)];
    if (row !== undefined) row.start = row.atSlot = row.atCheckpoint = count;
  }

  #push(row: Pick<Row, "name" | "document" | "slot">): number {
    const index = this.#rows.push({ ...row, start: 0, atSlot: 0, atCheckpoint: 0, pending: 0 }) - 1;
    this.#index.set(row.name, index);
    return index;
  }
}

interface Judgement {
  readonly difference?: (Omit<Difference, "counter"> & { readonly kind: Kind }) | undefined;
  readonly reason?: Omit<Unjudged, "counter"> | undefined;
}

/** Compares a counter's slot with the log, and what it has below the checkpoint. */
export function judgeRow(row: Row, log: LogSide, checkpoint: number): Judgement {
  const slot = judgeSlot(row, log);
  if (slot.difference !== undefined) return slot;
  const below = judgeBelowCheckpoint(row, log, checkpoint);
  return below.difference !== undefined || slot.reason === undefined ? below : slot;
}

/** Compares the slot's count with the log's total at its offset. */
function judgeSlot({ slot, start, atSlot, document }: Row, log: LogSide): Judgement {
  if (document !== "slot") return {};
  const { offset, count } = slot;
  const differs = (bound: Difference["bound"], expected: number): Judgement => ({
    difference: { kind: "slot", offset, expected, bound, found: count },
  });
  if (offset > log.end && !log.endIsUnknown) {
    return { difference: { kind: "beyond", offset, expected: log.end, bound: "at most", found: offset } };
  }
  if (offset > 0 && offset < log.from) {
    // Totals never fall: the log can't have had more before than it has later.
    if (count > start) return differs("at most", start);
    return count === start ? {} : { reason: { offset, reason: noHistory(log) } };
  }
  const expected = offset <= 0 ? 0 : atSlot;
  const isCertain = offset <= log.damagedFrom;
  if (isCertain) return count === expected ? {} : differs("exactly", expected);
  // Damage hides hits and makes none up.
  return count < expected ? differs("at least", expected) : { reason: { offset, reason: damaged(log) } };
}

/** Checks that below the checkpoint nothing is missing. */
function judgeBelowCheckpoint({ slot, start, atCheckpoint }: Row, log: LogSide, checkpoint: number): Judgement {
  if (checkpoint <= 0) return {};
  if (checkpoint < log.from) {
    return slot.count >= start ? {} : { reason: { offset: checkpoint, reason: noHistory(log) } };
  }
  if (atCheckpoint > slot.count) {
    const found = slot.count;
    return { difference: { kind: "missing", offset: checkpoint, expected: atCheckpoint, bound: "at least", found } };
  }
  return checkpoint > log.damagedFrom ? { reason: { offset: checkpoint, reason: damaged(log) } } : {};
}

function noHistory({ from }: LogSide): string {
  return `no history that far back: it begins at offset ${from}`;
}

function damaged({ damagedFrom }: LogSide): string {
  return `the log is damaged from offset ${damagedFrom} on`;
}
