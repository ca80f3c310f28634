import type { Log, LogOptions } from "../../../src/wal/log.js";
import { encodeHits } from "../../support/encode-hits.js";
import { openLog } from "../../support/log-files.js";
import { MemoryFileSystem } from "../../support/memory-file-system.js";
import type { FakeDatabase } from "./fake-database.js";
import { fieldsOf } from "./fake-database.js";

interface Counted {
  readonly offset: number;
  readonly counter: string;
  readonly n: number;
  readonly at: number;
}

/** A log in memory, with a list of its hits to compare a database with. */
export class HitLog {
  readonly fs: MemoryFileSystem;
  readonly hits: Counted[] = [];
  #log: Log;

  private constructor(fs: MemoryFileSystem, log: Log) {
    this.fs = fs;
    this.#log = log;
  }

  static async open(options: Partial<LogOptions> = {}): Promise<HitLog> {
    const fs = new MemoryFileSystem({ durableWrites: true });
    return new HitLog(fs, await openLog(fs, options));
  }

  get log(): Log {
    return this.#log;
  }

  get id(): string {
    return this.#log.id;
  }

  get names(): Set<string> {
    return new Set(this.hits.map(({ counter }) => counter));
  }

  /** Appends a hit, or so many of them as one batch. Resolves to the first offset. */
  async hit(counter: string, n = 1, times = 1): Promise<number> {
    return await this.hitAll(Array.from({ length: times }, () => ({ counter, n })));
  }

  async hitAll(hits: readonly { counter: string; n: number; at?: number }[]): Promise<number> {
    const [first, time] = await new Promise<[number, number]>((done, failed) => {
      const durable = (offset: number, when: number) => done([offset, when]);
      this.#log.append({ bytes: encodeHits(hits), count: hits.length, durable, failed });
    });
    for (const [index, { counter, n, at = time }] of hits.entries()) {
      this.hits.push({ offset: first + index, counter, n, at });
    }
    return first;
  }

  /** Reopens the log: a new epoch. */
  async reopen(options: Partial<LogOptions> = {}): Promise<void> {
    await this.#log.close();
    this.#log = await openLog(this.fs, options);
  }

  /** Opens a copy of the directory as another log with the same id. */
  async twin(): Promise<HitLog> {
    const fs = this.fs.copy();
    const twin = new HitLog(fs, await openLog(fs));
    twin.hits.push(...this.hits);
    return twin;
  }

  /** Returns the hits of a counter below an offset. */
  total(counter: string, below = Number.POSITIVE_INFINITY): number {
    let total = 0;
    for (const hit of this.hits) if (hit.counter === counter && hit.offset < below) total += hit.n;
    return total;
  }
}

/** Returns the name of the document of a counter's day. */
function dayName({ counter, at }: { readonly counter: string; readonly at: number }): string {
  return `${new Date(at).toISOString().slice(0, 10)} ${counter}`;
}

/** Returns a log's hits by counter's day, as the documents are named, below an offset. */
function dayTotals(log: HitLog, below: (name: string) => number = () => Number.POSITIVE_INFINITY): Map<string, number> {
  const totals = new Map<string, number>();
  for (const hit of log.hits) {
    const name = dayName(hit);
    if (hit.offset < below(name)) totals.set(name, (totals.get(name) ?? 0) + hit.n);
  }
  return totals;
}

/** As `wrong`, for counters' days, and for the sum of a slot's hours if it has them. */
export function wrongDays(database: FakeDatabase, logs: readonly HitLog[]): string[] {
  const lines: string[] = [];
  const sums = new Map<string, number>();
  for (const log of logs) {
    const offsetOf = (name: string) => database.slot(name, log.id, "series")?.offset ?? 0;
    const totals = dayTotals(log, offsetOf);
    for (const [name, document] of database.series) {
      const slot = fieldsOf(fieldsOf(document["logs"])[log.id]);
      const count = Number(slot["count"] ?? 0);
      sums.set(name, (sums.get(name) ?? 0) + count);
      if (count !== (totals.get(name) ?? 0))
        lines.push(`${name}: ${count} at ${offsetOf(name)}, log ${totals.get(name)}`);
      const hours = Object.values(fieldsOf(slot["hours"])).reduce((sum: number, one) => sum + Number(one), 0);
      if (slot["hours"] !== undefined && hours !== count) lines.push(`${name}: hours ${hours} of ${count}`);
    }
  }
  for (const [name, document] of database.series) {
    if (document["count"] !== sums.get(name))
      lines.push(`${name}: count ${document["count"]}, slots ${sums.get(name)}`);
  }
  return lines;
}

/** As `missing`, for counters' days. */
export function missingDays(database: FakeDatabase, log: HitLog, below = Number.POSITIVE_INFINITY): string[] {
  return [...dayTotals(log, () => below)].flatMap(([name, total]) => {
    const slot = database.slot(name, log.id, "series")?.count ?? 0;
    return slot < total ? [`${name}: ${slot} of ${total}`] : [];
  });
}

/** Lists where a database differs from the logs: each slot at its own offset, and each count. */
export function wrong(database: FakeDatabase, logs: readonly HitLog[]): string[] {
  const lines: string[] = [];
  for (const [name, document] of database.documents) {
    let sum = 0;
    for (const log of logs) {
      const slot = database.slot(name, log.id);
      if (slot === undefined) continue;
      sum += slot.count;
      const total = log.total(name, slot.offset);
      if (slot.count !== total)
        lines.push(`${name}: slot ${slot.count} at offset ${slot.offset}, the log has ${total}`);
    }
    const known = new Set(logs.map(({ id }) => id));
    for (const id of Object.keys(fieldsOf(document["logs"]))) if (!known.has(id)) lines.push(`${name}: slot of ${id}`);
    if (document["count"] !== sum) lines.push(`${name}: count ${document["count"]}, its slots have ${sum}`);
  }
  return lines;
}

/** Lists the counters that the database lacks hits of, below an offset or in the whole log. */
export function missing(database: FakeDatabase, log: HitLog, below?: number): string[] {
  return [...log.names].flatMap((name) => {
    const slot = database.slot(name, log.id)?.count ?? 0;
    const total = log.total(name, below);
    return slot < total ? [`${name}: ${slot} of ${total}`] : [];
  });
}
