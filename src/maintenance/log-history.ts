import { HitsError } from "../errors.js";
import { foldHits } from "../hit/record.js";
import type { Slot } from "../projection/mongo/document.js";
import { readSnapshots } from "../projection/snapshot/snapshot.js";
import type { Totals } from "../projection/totals.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { LogReader } from "../wal/log-reader.js";
import type { MissingRanges } from "../wal/missing-ranges.js";
import { readToEnd } from "./log-directory.js";

/** What somebody says that a counter stood at, at some offset, and what the log itself adds up to there. */
export interface Word {
  /** A snapshot's file name; undefined for the database. */
  readonly snapshot: string | undefined;
  readonly offset: number;
  count: number;
  /** A snapshot that was taken behind damage says that it is no whole truth; what it has is true all the same. */
  readonly whole: boolean;
  log: number;
}

/** A counter as the log has it, and as others do. */
export interface CounterHistory {
  /** At the log's end. */
  total: number;
  readonly words: Word[];
}

/** A log, read once from as far back as it goes, beside what snapshots and the database say of it. */
export interface History {
  /** Where the reading began: 0, the log's birth, or a snapshot's offset. */
  readonly from: number;
  readonly end: number;
  readonly counters: ReadonlyMap<string, CounterHistory>;
  /** Names of the sound snapshots of this log, newest first. */
  readonly snapshots: readonly string[];
}

/**
 * Adds up the log by counter, from its birth or from the oldest snapshot that it still goes on from. `missing`: what counts
 * as written down. `slots`: this log's slots as the database has them. Throws `OFFSET_GONE` where there is no such start.
 */
export async function readHistory(
  directory: LogDirectory,
  logId: string,
  missing: MissingRanges,
  slots: ReadonlyMap<string, Slot> = new Map(),
): Promise<History> {
  const found: Found[] = [];
  for await (const { file, facts, totals } of readSnapshots(directory)) {
    if (facts?.logId === logId && totals !== undefined) {
      found.push({ file, offset: facts.offset, totals, whole: facts.damage.length === 0 });
    }
  }
  const names = found.map(({ file }) => file);
  const starts = [{ offset: 0, totals: undefined }, ...found.toReversed()];
  let gone: unknown;
  for (const start of starts) {
    const counters = new Histories(found);
    for (const [name, slot] of slots) {
      counters.of(name).words.push({ snapshot: undefined, ...slot, whole: true, log: 0 });
    }
    for (const [name, index] of start.totals?.names() ?? []) {
      const count = start.totals?.countAt(index) ?? 0;
      const history = counters.of(name);
      history.total = count;
      for (const word of history.words) word.log = count;
    }
    try {
      const end = await addUp(directory, start.offset, missing, counters);
      return { from: start.offset, end, counters: counters.all, snapshots: names };
    } catch (error) {
      if (!(error instanceof HitsError && error.code === "OFFSET_GONE")) throw error;
      gone ??= error;
    }
  }
  throw gone;
}

interface Found {
  readonly file: string;
  readonly offset: number;
  readonly totals: Totals;
  readonly whole: boolean;
}

/** The histories of all counters: each has a word of every snapshot, which is 0 where the snapshot never saw it. */
class Histories {
  readonly all = new Map<string, CounterHistory>();
  readonly #found: readonly Found[];

  constructor(found: readonly Found[]) {
    this.#found = found;
    for (const [at, { totals }] of found.entries()) {
      for (const [name, index] of totals.names()) {
        const word = this.of(name).words[at];
        if (word !== undefined) word.count = totals.countAt(index);
      }
    }
  }

  of(name: string): CounterHistory {
    const known = this.all.get(name);
    if (known !== undefined) return known;
    const words = this.#found.map(({ file, offset, whole }) => ({ snapshot: file, offset, count: 0, whole, log: 0 }));
    const history = { total: 0, words };
    this.all.set(name, history);
    return history;
  }
}

async function addUp(
  directory: LogDirectory,
  from: number,
  missing: MissingRanges,
  counters: Histories,
): Promise<number> {
  let end = from;
  const histories: CounterHistory[] = [];
  const indexes = new Map<string, number>();
  const indexOf = (name: string) => {
    const known = indexes.get(name);
    if (known !== undefined) return known;
    const index = histories.push(counters.of(name)) - 1;
    indexes.set(name, index);
    return index;
  };
  const reader = new LogReader({ directory, from, missing });
  try {
    await readToEnd(reader, {
      batch(batch) {
        if (batch.count > 0 || batch.missing !== undefined) end = Math.max(end, batch.endOffset);
        let offset = batch.baseOffset;
        foldHits(batch, indexOf, (index, n) => {
          const history = histories[index];
          if (history !== undefined && offset >= from) {
            history.total += n;
            for (const word of history.words) if (offset < word.offset) word.log += n;
          }
          offset++;
        });
      },
      damage: ({ to }) => {
        end = Math.max(end, to ?? 0);
      },
    });
  } finally {
    await reader.close();
  }
  return end;
}
