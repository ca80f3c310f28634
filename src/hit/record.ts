import { HitsError } from "../errors.js";
import { type Hit, type KeyedHit, MAX_N } from "../model/hit.js";
import type { LogBatch } from "../wal/segment-reader.js";
import { VarintReader } from "../wal/varint.js";

/**
 * How a hit lies in the log (hit-encoding.ts writes it): a record of version 1, behind the varint length that the log gives every record.
 *
 *     type  flags  name                                            n       at      id            payload
 *     1     1      varint length, UTF-8  or  varint distance       varint  varint  varint, UTF-8  varint, UTF-8
 *
 * Type 1 is a hit; others are for later versions, and a program that does not know one refuses the log. Flags say which
 * parts are there:
 *
 *     0x01  n, where it is not 1
 *     0x02  at, event time in epoch milliseconds; without it the time of the batch stands
 *     0x04  id, the client's key
 *     0x08  payload, a JSON object as text
 *     0x10  the name is the one of the record so many records before it in the same batch (a request's hits lie in one
 *           batch, so a page hit a thousand times in a bulk request has its name once)
 */
export const HIT = 1;
export const HAS_N = 0x01;
export const HAS_AT = 0x02;
export const HAS_ID = 0x04;
export const HAS_PAYLOAD = 0x08;
export const NAME_BEFORE = 0x10;
const KNOWN_FLAGS = 0x1f;

/** A hit as read back, with its place in the log. Times are filled in from the batch. */
export interface StoredHit extends Hit {
  readonly offset: number;
  readonly at: number;
}

/** The hits of a batch, in order. Throws `UNKNOWN_RECORD_TYPE`, `INVALID_RECORD`. */
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
 * Folds a batch without making objects: `resolve` turns a name into a number once for each name in the batch, `add` gets
 * that number, the hit's n, and its time. `keyed` is told of hits with an id, after they were added. Throws as `storedHits` does.
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
 * Walks the records of a batch: type, flags and name's distance are read, the parts behind are for the caller to read. No
 * iterator: it stands in the hottest loop there is.
 */
class BatchRecords {
  flags = 0;
  /** 0 where the record has its name itself. */
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

  /** Goes on to the next record; false behind the last. */
  next(): boolean {
    const reader = this.#reader;
    const { buffer, count, recordsEnd } = this.#batch;
    const start = this.#start;
    if (this.#index === count) {
      if (start !== recordsEnd) throw this.invalid(`${recordsEnd - start} bytes behind the last record`);
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
    if (!this.#reader.ok || rest !== 0) throw this.invalid(`${rest} bytes behind a record's last part`);
  }

  invalid(found: string): HitsError {
    return new HitsError(
      "INVALID_RECORD",
      `${this.#where()} passes its checksum, but holds ${found}: a fault in what wrote it`,
    );
  }

  #unknown(type: number, index: number): HitsError {
    const what = type === HIT ? `flags 0x${this.flags.toString(16)}` : `type ${type}`;
    return new HitsError(
      "UNKNOWN_RECORD_TYPE",
      `${this.#where()}, record ${index}, has ${what}, which this version does not know: run the release that wrote it, ` +
        "or a later one. Nothing was changed",
    );
  }

  #where(): string {
    return `the batch at offset ${this.#batch.baseOffset} (segment ${this.#batch.segment}, byte ${this.#batch.byte})`;
  }
}
