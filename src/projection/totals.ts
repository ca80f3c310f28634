import { foldHits } from "../hit/record.js";
import type { KeyedHit } from "../model/hit.js";
import type { LogBatch } from "../wal/segment-reader.js";
import { NameOrder } from "./name-order.js";
import { Series, type SeriesImage } from "./series/series.js";

const CHUNK_BYTES = 1024 * 1024;
/** Bytes of names: on average for a counter, and at the least for all. */
export const NAME_BYTES = 128;
const LEAST_NAME_BYTES = 1024 * 1024;

/** Returns how many bytes of UTF-8 the names of so many counters may take together. */
export function maxNameBytes(maxCounters: number): number {
  return Math.max(LEAST_NAME_BYTES, maxCounters * NAME_BYTES);
}

/**
 * The totals at one moment, for a snapshot. Cheap to take: the counts are copied; the names, which only ever grow, are shared
 * with the thread that writes them.
 */
export interface TotalsImage {
  readonly size: number;
  readonly counts: Float64Array<ArrayBuffer>;
  /** Counts of other logs as last known. */
  readonly remote: Float64Array<ArrayBuffer>;
  /** Names in the order of the counts, each a 16-bit length and UTF-8: the used part of each chunk. */
  readonly names: readonly { readonly buffer: SharedArrayBuffer; readonly used: number }[];
  readonly series: SeriesImage;
}

/**
 * Totals by counter, in memory. A counter has an index for good, in the order of first sight: counts are in arrays by index,
 * and a name is stored twice, as bytes for snapshots and as a key.
 */
export class Totals {
  readonly order = new NameOrder();
  /** The same hits by hour and day, within the limits of the series. */
  readonly series = new Series();
  readonly #index = new Map<string, number>();
  #counts = new Float64Array(1024);
  #remote = new Float64Array(1024);
  readonly #chunks: { first: number; bytes: Buffer; buffer: SharedArrayBuffer; used: number }[] = [];
  #sum = 0;
  #nameBytes = 0;

  get size(): number {
    return this.#index.size;
  }

  /** All counters' counts together. */
  get sum(): number {
    return this.#sum;
  }

  /** The bytes of all names together, as UTF-8. */
  get nameBytes(): number {
    return this.#nameBytes;
  }

  has(name: string): boolean {
    return this.#index.has(name);
  }

  /** Returns this log's count of a counter; 0 for one never seen. */
  count(name: string): number {
    const index = this.#index.get(name);
    return index === undefined ? 0 : (this.#counts[index] ?? 0);
  }

  /** Returns the counter's index; undefined for one never seen. */
  find(name: string): number | undefined {
    return this.#index.get(name);
  }

  /** Returns the counter's count in other logs, as last known. */
  remote(index: number): number {
    return this.#remote[index] ?? 0;
  }

  setRemote(index: number, count: number): void {
    this.#remote[index] = count;
  }

  /** Returns this log's count of the counter with this index. */
  countAt(index: number): number {
    return this.#counts[index] ?? 0;
  }

  /** Returns the counter's index, a new one for a new counter. The name must be valid: at most 1,024 bytes. */
  indexOf(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    const index = this.#index.size;
    const own = this.#store(name, index);
    this.#index.set(own, index);
    if (index === this.#counts.length) {
      this.#counts = doubled(this.#counts);
      this.#remote = doubled(this.#remote);
    }
    this.order.add(own);
    return index;
  }

  /** Adds to the counter with this index, but not to its series. Returns its new count. */
  add(index: number, n: number): number {
    this.#sum += n;
    const count = (this.#counts[index] ?? 0) + n;
    this.#counts[index] = count;
    return count;
  }

  /**
   * Returns the name of the counter with this index, which must exist. Reads through part of the names: meant for a few of
   * them, since an array of all would cost memory for each counter.
   */
  nameAt(index: number): string {
    const chunk = this.#chunks.findLast(({ first }) => first <= index);
    if (chunk === undefined) throw new RangeError(`no counter has the index ${index}`);
    let at = 0;
    for (let i = chunk.first; i < index; i++) at += 2 + chunk.bytes.readUInt16LE(at);
    return chunk.bytes.toString("utf8", at + 2, at + 2 + chunk.bytes.readUInt16LE(at));
  }

  /** Adds a hit to the counter with this index and to its series, after the time of its batch was noted. Returns its new count. */
  addAt(index: number, n: number, at: number): number {
    this.series.add(index, n, at);
    return this.add(index, n);
  }

  /** Iterates over all counters: name and index. */
  names(): IterableIterator<[string, number]> {
    return this.#index.entries();
  }

  /** Adds the hits of a batch. `keyed` is called for hits with an id, after they were added. Throws as `foldHits` does. */
  fold(batch: LogBatch, keyed?: (index: number, hit: KeyedHit, offset: number) => void): void {
    this.series.noteTime(batch.time);
    foldHits(
      batch,
      (name) => this.indexOf(name),
      (index, n, at) => this.addAt(index, n, at),
      keyed,
    );
  }

  /** Returns a copy of all counts, by index. */
  copyCounts(): Float64Array<ArrayBuffer> {
    return this.#counts.slice(0, this.size);
  }

  image(): TotalsImage {
    return {
      size: this.size,
      counts: this.copyCounts(),
      remote: this.#remote.slice(0, this.size),
      names: this.#chunks.map(({ buffer, used }) => ({ buffer, used })),
      series: this.series.image(),
    };
  }

  /**
   * Continues to fill totals from a snapshot's counts, with the next of its names. Returns the number of bytes of complete
   * names; undefined if these are not those of a snapshot.
   */
  restore(counts: Float64Array, remote: Float64Array, names: Buffer): number | undefined {
    let at = 0;
    while (at + 2 <= names.length) {
      const end = at + 2 + names.readUInt16LE(at);
      if (end > names.length) break;
      const position = this.size;
      if (position >= counts.length) return undefined;
      const index = this.indexOf(names.toString("utf8", at + 2, end));
      if (index !== position) return undefined;
      this.add(index, counts[index] ?? 0);
      this.setRemote(index, remote[index] ?? 0);
      at = end;
    }
    return at;
  }

  /** Returns a copy: the name may be part of a request's text, and would keep all of that in memory. */
  #store(name: string, index: number): string {
    const bytes = Buffer.byteLength(name);
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.used + 2 + bytes > CHUNK_BYTES) {
      const buffer = new SharedArrayBuffer(CHUNK_BYTES);
      chunk = { first: index, bytes: Buffer.from(buffer), buffer, used: 0 };
      this.#chunks.push(chunk);
    }
    chunk.bytes.writeUInt16LE(bytes, chunk.used);
    const start = chunk.used + 2;
    chunk.bytes.write(name, start, bytes, "utf8");
    chunk.used = start + bytes;
    this.#nameBytes += bytes;
    return chunk.bytes.toString(bytes === name.length ? "latin1" : "utf8", start, chunk.used);
  }
}

/** An array of twice the length that begins with the same numbers. */
export function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
