import type { DatabaseSide, Row } from "./audit-documents.js";
import type { LogSide } from "./audit-log.js";

type Kind = "slot" | "sum" | "missing" | "beyond" | "document";

/** Something in the database that is not what the log says. */
export interface Difference {
  /** Null for what concerns no single counter. */
  readonly counter: string | null;
  /**
   * `slot`: its count is not the log's total at its offset. `sum`: `count` is not the sum of the slots. `missing`: hits
   * below the checkpoint are not there. `beyond`: the slot's offset lies behind the log's end; `checkpoint`: the
   * checkpoint's does. `document`: it can't be read. Those of a counter's day begin with `series-`, and the counter is the
   * document's name; `series-hours`: the hours are not the day's count.
   */
  readonly kind: Kind | "checkpoint" | `series-${Kind}` | "series-hours";
  /** The offset that the two are compared at; null where it is about the document alone. */
  readonly offset: number | null;
  /** Numbers, but for `document`. */
  readonly expected: number | string;
  /** How `found` should relate to it. */
  readonly bound: "exactly" | "at least" | "at most";
  readonly found: number | string;
}

/** A counter of which it can't be told whether it is right. */
export interface Unjudged {
  readonly counter: string;
  /** The offset at which it would have to be compared. */
  readonly offset: number;
  readonly reason: string;
}

export interface Audit {
  readonly exact: boolean;
  /** Counters that were looked at, in the database and in the log. */
  readonly checked: number;
  readonly documents: number;
  /** Counters' days: documents, and those of them and of the log that were compared. */
  readonly series: { readonly documents: number; readonly checked: number };
  /** Hits that the log has and the database is not supposed to have yet, and of how many counters they are. */
  readonly pending: number;
  readonly pendingCounters: number;
  readonly differing: readonly Difference[];
  readonly unjudged: readonly Unjudged[];
}

/** Compares what was read of both sides. */
export function judge(database: DatabaseSide, log: LogSide): Audit {
  const checkpoint = database.checkpoint?.offset ?? 0;
  const differing = [...database.differing];
  const unjudged: Unjudged[] = [];
  let [checked, pending, pendingCounters] = [0, 0, 0];
  if (checkpoint > log.end && !log.endIsUnknown) {
    const [counter, kind, bound] = [null, "checkpoint", "at most"] as const;
    differing.push({ counter, kind, offset: checkpoint, expected: log.end, bound, found: checkpoint });
  }
  for (const row of database.rows.all) {
    // Read in an attempt that was given up, and not since.
    if (row.document === "none" && row.start + row.behind === 0) continue;
    checked++;
    if (row.document === "damaged") continue;
    const { difference, reason } = judgeRow(row, log, checkpoint);
    if (difference !== undefined) differing.push({ counter: row.name, ...difference });
    else if (reason !== undefined) unjudged.push({ counter: row.name, ...reason });
    else {
      const owed = row.behind + Math.max(0, row.slot.offset < log.from ? row.start - row.slot.count : 0);
      pending += owed;
      if (owed > 0) pendingCounters++;
    }
  }
  const days = database.days.judge(log, checkpoint);
  differing.push(...days.differing);
  return {
    exact: differing.length + unjudged.length === 0,
    checked,
    documents: database.documents,
    series: { documents: database.days.documents, checked: days.checked },
    pending,
    pendingCounters,
    differing,
    unjudged,
  };
}

interface Judgement {
  readonly difference?: (Omit<Difference, "counter"> & { readonly kind: Kind }) | undefined;
  readonly reason?: Omit<Unjudged, "counter"> | undefined;
}

export function judgeRow(row: Row, log: LogSide, checkpoint: number): Judgement {
  const slot = judgeSlot(row, log);
  if (slot.difference !== undefined) return slot;
  const below = judgeBelowCheckpoint(row, log, checkpoint);
  return below.difference !== undefined || slot.reason === undefined ? below : slot;
}

/** The slot's count against the log's total at its offset. */
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
    // Totals never fall: what the log had later it did not have more of before.
    if (count > start) return differs("at most", start);
    return count === start ? {} : { reason: { offset, reason: noHistory(log) } };
  }
  const expected = offset <= 0 ? 0 : atSlot;
  const isCertain = offset <= log.damagedFrom;
  if (isCertain) return count === expected ? {} : differs("exactly", expected);
  // Damage hides hits and makes none up.
  return count < expected ? differs("at least", expected) : { reason: { offset, reason: damaged(log) } };
}

/** Below the checkpoint nothing may be missing. */
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
