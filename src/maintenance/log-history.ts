import { foldHits } from "../hit/record.js";
import type { Slot } from "../projection/mongo/document.js";
import { readSnapshots } from "../projection/snapshot/snapshot.js";
import type { SnapshotFacts } from "../projection/snapshot/snapshot-format.js";
import type { Totals } from "../projection/totals.js";
import type { LogDirectory } from "../wal/log-directory.js";
import type { MissingRanges } from "../wal/missing-ranges.js";
import { isGone, type ReadOptions, readLog } from "./read-log.js";

/** A count that a snapshot or MongoDB claims for a counter at an offset, and what the log itself adds up to there. */
export interface Claim {
  /** A snapshot's file name; undefined for MongoDB. */
  readonly snapshot: string | undefined;
  readonly offset: number;
  count: number;
  /** False for a snapshot that was taken after damage: its count may be too low, and is a lower bound all the same. */
  readonly whole: boolean;
  log: number;
}

/** A counter's total in the log, and the claims for it. */
export interface CounterHistory {
  /** At the log's end. */
  total: number;
  readonly claims: Claim[];
}

/** A log's totals, read once from as far back as it goes, and what snapshots and MongoDB claim. */
export interface LogHistory {
  /** The offset of the first record read: 0, the log's birth, or a snapshot's. */
  readonly from: number;
  readonly end: number;
  readonly counters: ReadonlyMap<string, CounterHistory>;
  /** Names of the sound snapshots of this log, newest first. */
  readonly snapshots: readonly string[];
}

/** A sound snapshot of a log, with its totals. */
export interface SoundSnapshot {
  readonly file: string;
  readonly facts: SnapshotFacts;
  readonly totals: Totals;
}

/** A place to read a log from: its birth, at offset 0 and without totals, or a snapshot. */
export interface HistoryStart {
  readonly offset: number;
  readonly totals: Totals | undefined;
}

/** Returns the sound snapshots of a log, newest first. */
export async function soundSnapshots(directory: LogDirectory, logId: string): Promise<SoundSnapshot[]> {
  const sound: SoundSnapshot[] = [];
  for await (const { file, facts, totals } of readSnapshots(directory)) {
    if (facts?.logId === logId && totals !== undefined) sound.push({ file, facts, totals });
  }
  return sound;
}

/**
 * Reads from the log's birth, or if the log no longer goes back that far, from the oldest of these snapshots (newest first)
 * that it continues from: the older the start, the more can be compared. Throws `OFFSET_GONE` if there is no such start.
 */
export async function readFromOldest<T>(
  usable: readonly SoundSnapshot[],
  read: (start: HistoryStart) => Promise<T>,
): Promise<T> {
  const starts = usable.map(({ facts, totals }) => ({ offset: facts.offset, totals })).reverse();
  let gone: unknown;
  for (const start of [{ offset: 0, totals: undefined }, ...starts]) {
    try {
      return await read(start);
    } catch (error) {
      if (!isGone(error)) throw error;
      gone ??= error;
    }
  }
  throw gone;
}

/**
 * Adds up the log by counter, from as far back as it goes. `missing` is what counts as written down, `slots` this log's slots
 * in MongoDB. Throws `OFFSET_GONE` if neither the log's birth nor a snapshot is there to start from.
 */
export async function readHistory(
  directory: LogDirectory,
  logId: string,
  { missing, slots = new Map() }: { readonly missing: MissingRanges; readonly slots?: ReadonlyMap<string, Slot> },
): Promise<LogHistory> {
  const sound = await soundSnapshots(directory, logId);
  const names = sound.map(({ file }) => file);
  return await readFromOldest(sound, async ({ offset: from, totals }) => {
    const counters = new Histories(sound);
    for (const [name, slot] of slots) {
      counters.of(name).claims.push({ snapshot: undefined, ...slot, whole: true, log: 0 });
    }
    for (const [name, index] of totals?.names() ?? []) {
      const history = counters.of(name);
      history.total = totals?.countAt(index) ?? 0;
      for (const claim of history.claims) claim.log = history.total;
    }
    const end = await addUp({ directory, from, missing }, counters);
    return { from, end, counters: counters.all, snapshots: names };
  });
}

/** The histories of all counters. Each has a claim of every snapshot: 0 for a counter that the snapshot lacks. */
class Histories {
  readonly all = new Map<string, CounterHistory>();
  readonly #sound: readonly SoundSnapshot[];

  constructor(sound: readonly SoundSnapshot[]) {
    this.#sound = sound;
    for (const [at, { totals }] of sound.entries()) {
      for (const [name, index] of totals.names()) {
        const claim = this.of(name).claims[at];
        if (claim !== undefined) claim.count = totals.countAt(index);
      }
    }
  }

  of(name: string): CounterHistory {
    const known = this.all.get(name);
    if (known !== undefined) return known;
    const claims = this.#sound.map(({ file, facts: { offset, damage } }) => {
      return { snapshot: file, offset, count: 0, whole: damage.length === 0, log: 0 };
    });
    const history = { total: 0, claims };
    this.all.set(name, history);
    return history;
  }
}

async function addUp(options: ReadOptions & { readonly from: number }, counters: Histories): Promise<number> {
  const histories: CounterHistory[] = [];
  const indexes = new Map<string, number>();
  const indexOf = (name: string) => {
    const known = indexes.get(name);
    if (known !== undefined) return known;
    const index = histories.push(counters.of(name)) - 1;
    indexes.set(name, index);
    return index;
  };
  const { recordsEnd } = await readLog(options, {
    batch(batch) {
      let offset = batch.baseOffset;
      foldHits(batch, indexOf, (index, n) => {
        const history = histories[index];
        if (history !== undefined && offset >= options.from) {
          history.total += n;
          for (const claim of history.claims) if (offset < claim.offset) claim.log += n;
        }
        offset++;
      });
    },
  });
  return recordsEnd;
}
