import { HitsError } from "../errors.js";
import { type Hit, type KeyedHit, MAX_N } from "../model/hit.js";
import type { LogBatch } from "../wal/segment-reader.js";
import { VarintReader } from "../wal/varint.js";

/**
 * A hit in the log (written by encoding.ts): a record of version 1, after the varint length that the log gives every record.
 *
 *     type  flags  name                                            n       at      id            payload
 *     1     1      varint length, UTF-8  or  varint distance       varint  varint  varint, UTF-8  varint, UTF-8
 *
 * Type 1 is a hit; other types are for later versions, and a program that does not support one refuses the log. Flags mark
 * the parts that are present:
 *
 *     0x01  n, if it is not 1
 *     0x02  at, event time in epoch milliseconds; without it the time of the batch applies
 *     0x04  id, the client's key
 *     0x08  payload, a JSON object as text
 *     0x10  the name is that of the record this many records earlier in the same batch (a request's hits are in one
 *           batch, so a page hit a thousand times in a bulk request has its name once)
 */
export const HIT = 1;
export const HAS_N = 0x01;
export const HAS_AT = 0x02;
export const HAS_ID = 0x04;
export const HAS_PAYLOAD = 0x08;
export const NAME_BEFORE = 0x10;
const KNOWN_FLAGS = 0x1f;

/** A hit read back from the log, with its offset. Without a time of its own it has that of its batch. */
export interface StoredHit extends Hit {
  readonly offset: number;
  readonly at: number;
}

/** Yields the hits of a batch, in order. Throws `UNKNOWN_RECORD_TYPE`, `INVALID_RECORD`. */
export function* storedHits(batch: LogBatch): Generator<StoredHit> {
  const names: string[] = [];
  const record = new BatchRecords(batch);
  while (record.next()) {
    const counter = record.distance === 0 ? record.text() : names[names.length - record.distance];
    if (counter === undefined) throw record.invalid("a name of a record before this batch");
    const offset = batch.baseOffset + names.length;
    names.push(counter);
    const n = record.flags & HAS_N ? record.number() : 1;
    const at = record.flags & HAS_AT ? record.number() : batch.time;
    const id = record.flags & HAS_ID ? record.text() : undefined;
    const payload = record.flags & HAS_PAYLOAD ? record.text() : undefined;
    record.checkEnd();
    if (n < 1 || n > MAX_N) throw record.invalid(`n of ${n}`);
    yield {
      offset,
      counter,
      n,
      at,
      ...(id === undefined ? {} : { id }),
      ...(payload === undefined ? {} : { payload }),
    };
  }
}

/**
 * Folds a batch without allocating an object per hit: `resolve` turns a name into a number, once for each name in the
 * batch; `add` gets that number, the hit's n, and its time; `keyed`, then, gets hits with an id. Throws as `storedHits` does.
 */
export function foldHits(
  batch: LogBatch,
  resolve: (name: string) => number,
  add: (key: number, n: number, at: number) => void,
  keyed?: (key: number, hit: KeyedHit, offset: number) => void,
): void {
  const keys: number[] = [];
  const names: string[] = [];
  const record = new BatchRecords(batch);
  while (record.next()) {
    const { distance, flags } = record;
    const name = distance === 0 ? record.text() : names[names.length - distance];
    const key = distance === 0 && name !== undefined ? resolve(name) : keys[keys.length - distance];
    if (key === undefined || name === undefined) throw record.invalid("a name of a record before this batch");
    keys.push(key);
    names.push(name);
    const n = flags & HAS_N ? record.number() : 1;
    const at = flags & HAS_AT ? record.number() : batch.time;
    if (n < 1 || n > MAX_N || !record.ok) throw record.invalid(`n of ${n}`);
    add(key, n, at);
    if (keyed === undefined || (flags & HAS_ID) === 0) continue;
    const id = record.text();
    const payload = flags & HAS_PAYLOAD ? { payload: record.text() } : undefined;
    keyed(
      key,
      { counter: name, n, id, ...(flags & HAS_AT ? { at } : undefined), ...payload },
      batch.baseOffset + keys.length - 1,
    );
  }
}

/**
 * A cursor over the records of a batch. It reads type, flags and distance of the name; the caller reads the parts after
 * them. No iterator: this is the innermost loop of every replay.
 */
class BatchRecords {
  flags = 0;
  /** 0 if the record has its name in full. */
  distance = 0;
  readonly #batch: LogBatch;
  readonly #reader: VarintReader;
  #index = 0;
  #start: number;

  constructor(batch: LogBatch) {
    this.#batch = batch;
    this.#start = batch.recordsStart;
    this.#reader = new VarintReader(batch.buffer, batch.recordsStart, batch.recordsEnd);
  }

  get ok(): boolean {
    return this.#reader.ok;
  }

  /** Moves to the next record; returns false after the last. */
  next(): boolean {
    const reader = this.#reader;
    const { buffer, count, recordsEnd } = this.#batch;
    const start = this.#start;
    if (this.#index === count) {
      if (start !== recordsEnd) throw this.invalid(`${recordsEnd - start} bytes after the last record`);
      return false;
    }
    reader.position = start;
    reader.end = recordsEnd;
    const length = reader.next();
    const end = reader.position + length;
    if (!reader.ok || length < 3 || end > recordsEnd) throw this.invalid(`a record of ${length} bytes`);
    reader.end = end;
    const type = buffer[reader.position++] ?? 0;
    this.flags = buffer[reader.position++] ?? 0;
    if (type !== HIT || (this.flags & ~KNOWN_FLAGS) !== 0) throw this.#unknown(type, this.#index);
    this.distance = this.flags & NAME_BEFORE ? reader.next() : 0;
    if (this.flags & NAME_BEFORE && this.distance === 0) throw this.invalid("a name 0 records before");
    this.#start = end;
    this.#index++;
    return true;
  }

  number(): number {
    return this.#reader.next();
  }

  text(): string {
    const reader = this.#reader;
    const length = reader.next();
    const end = reader.position + length;
    if (!reader.ok || end > reader.end) throw this.invalid(`a text of ${length} bytes`);
    const text = reader.buffer.toString("utf8", reader.position, end);
    reader.position = end;
    return text;
  }

  checkEnd(): void {
    const rest = this.#reader.end - this.#reader.position;
    if (!this.#reader.ok || rest !== 0) throw this.invalid(`${rest} bytes after a record's last part`);
  }

  invalid(found: string): HitsError {
    return new HitsError(
      "INVALID_RECORD",
      `${this.#where()} has a valid checksum, but contains ${found}: a bug in the program that wrote it`,
    );
  }

  #unknown(type: number, index: number): HitsError {
    const what = type === HIT ? `flags 0x${this.flags.toString(16)}` : `type ${type}`;
    return new HitsError(
      "UNKNOWN_RECORD_TYPE",
      `${this.#where()}, record ${index}, has ${what}, which this version does not support: run the release that wrote it, ` +
        "or a later one. Nothing was changed",
    );
  }

  #where(): string {
    return `the batch at offset ${this.#batch.baseOffset} (segment ${this.#batch.segment}, byte ${this.#batch.byte})`;
  }
}
