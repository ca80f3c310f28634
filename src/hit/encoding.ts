import type { Hit } from "../model/hit.js";
import { BATCH_HEADER_BYTES, MAX_BATCH_BYTES, MAX_BATCH_RECORDS } from "../wal/format.js";
import { varintBytes, writeVarint } from "../wal/varint.js";
import { HAS_AT, HAS_ID, HAS_N, HAS_PAYLOAD, HIT, NAME_BEFORE } from "./record.js";

/** Upper bound for a hit without its texts: length, type, flags, and five varints. */
const FIXED_BYTES = 2 + 5 * 8;

/** Encodes one hit as a record preceded by its length. */
export function encodeHit(hit: Hit): Buffer {
  const name = utf8Bytes(hit.counter);
  const body = 2 + varintBytes(name) + name + extraBytes(hit);
  const buffer = Buffer.allocUnsafe(varintBytes(body) + body);
  let at = writeVarint(buffer, 0, body);
  buffer[at++] = HIT;
  buffer[at++] = flagsOf(hit);
  at = writeText(buffer, at, hit.counter, name);
  writeExtras(buffer, at, hit);
  return buffer;
}

/** Encodes the hits of one request for one batch, in the order in which they are added. */
export class BatchEncoder {
  #buffer = NO_BYTES;
  #used = 0;
  #count = 0;
  /** By the number of a name: the last record that has it. */
  readonly #records: number[] = [];

  /** Returns false if the hit might not fit in the batch. */
  hasRoomFor(hit: Hit): boolean {
    return this.#count < MAX_BATCH_RECORDS && BATCH_HEADER_BYTES + this.#used + boundOf(hit) <= MAX_BATCH_BYTES;
  }

  /** Adds a hit. `name`: the number of its counter's name, counted from 0 in the order of first sight. */
  add(hit: Hit, name: number): void {
    this.#grow(boundOf(hit));
    const buffer = this.#buffer;
    const before = this.#records[name];
    const distance = before === undefined ? 0 : this.#count - before;
    const bytes = before === undefined ? utf8Bytes(hit.counter) : 0;
    const nameBytes = before === undefined ? varintBytes(bytes) + bytes : varintBytes(distance);
    let at = writeVarint(buffer, this.#used, 2 + nameBytes + extraBytes(hit));
    buffer[at++] = HIT;
    buffer[at++] = flagsOf(hit) | (before === undefined ? 0 : NAME_BEFORE);
    at = before === undefined ? writeText(buffer, at, hit.counter, bytes) : writeVarint(buffer, at, distance);
    this.#used = writeExtras(buffer, at, hit);
    this.#records[name] = this.#count++;
  }

  /** The records so far, each preceded by its length. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#used);
  }

  #grow(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, FIRST_BYTES, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }
}

const NO_BYTES = Buffer.alloc(0);
const FIRST_BYTES = 1024;

function boundOf({ counter, id, payload }: Hit): number {
  return FIXED_BYTES + 3 * (counter.length + (id?.length ?? 0) + (payload?.length ?? 0));
}

function flagsOf(hit: Hit): number {
  return (
    (hit.n === 1 ? 0 : HAS_N) |
    (hit.at === undefined ? 0 : HAS_AT) |
    (hit.id === undefined ? 0 : HAS_ID) |
    (hit.payload === undefined ? 0 : HAS_PAYLOAD)
  );
}

function extraBytes(hit: Hit): number {
  let bytes = hit.n === 1 ? 0 : varintBytes(hit.n);
  if (hit.at !== undefined) bytes += varintBytes(hit.at);
  if (hit.id !== undefined) bytes += textBytes(hit.id);
  if (hit.payload !== undefined) bytes += textBytes(hit.payload);
  return bytes;
}

function writeExtras(buffer: Buffer, start: number, hit: Hit): number {
  let at = start;
  if (hit.n !== 1) at = writeVarint(buffer, at, hit.n);
  if (hit.at !== undefined) at = writeVarint(buffer, at, hit.at);
  if (hit.id !== undefined) at = writeText(buffer, at, hit.id, utf8Bytes(hit.id));
  if (hit.payload !== undefined) at = writeText(buffer, at, hit.payload, utf8Bytes(hit.payload));
  return at;
}

function textBytes(text: string): number {
  const bytes = utf8Bytes(text);
  return varintBytes(bytes) + bytes;
}

/** Up to this length, a loop over the characters is faster than a call into native code. */
const SHORT = 48;

function utf8Bytes(text: string): number {
  const { length } = text;
  if (length > SHORT) return Buffer.byteLength(text);
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) >= 0x80) return Buffer.byteLength(text);
  return length;
}

function writeText(buffer: Buffer, start: number, text: string, bytes: number): number {
  const at = writeVarint(buffer, start, bytes);
  // As many bytes as characters: ASCII.
  if (bytes > SHORT || bytes !== text.length) return at + buffer.write(text, at, bytes, "utf8");
  for (let i = 0; i < bytes; i++) buffer[at + i] = text.charCodeAt(i);
  return at + bytes;
}
