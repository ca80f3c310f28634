import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { KeyedHit } from "../model/hit.js";
import { readU64, writeU64 } from "../wal/format.js";

/**
 * The layout of a key, in memory and in snapshots: 44 bytes, little-endian.
 *
 *      0 16  digest of counter and key            28  8  the counter's count with the hit
 *     16  4  CRC-32 of the rest of the hit        36  8  when it became durable, epoch milliseconds
 *     20  8  offset
 */
const DIGEST_BYTES = 16;
export const KEY_BYTES = 44;
const KEYS_PER_CHUNK = 16_384;
/** Maps that the keys are divided among: one of millions would take a tenth of a second to grow. */
const MAPS = 256;
/** Keys dropped at once by default: a fraction of a millisecond. */
const DROPPED_AT_ONCE = 256;

/** A hit's key, digested: the same key on the same counter has the same digest. */
export interface HitKey {
  readonly digest: string;
  /** Differs if anything else of the hit differs. */
  readonly fingerprint: number;
}

/** The first answer to a key. */
export interface FirstAnswer {
  readonly fingerprint: number;
  readonly offset: number;
  readonly count: number;
}

export function keyOf(hit: KeyedHit): HitKey {
  // No name or id has control characters.
  const digest = hash("sha256", `${hit.counter}\0${hit.id}`, "binary").slice(0, DIGEST_BYTES);
  return { digest, fingerprint: crc32(`${hit.n}\0${hit.at ?? ""}\0${hit.payload ?? ""}`) };
}

/** The keys at one moment, for a snapshot: parts of chunks that only ever grow, shared with the thread that writes them. */
export type KeysImage = readonly { readonly buffer: SharedArrayBuffer; readonly from: number; readonly to: number }[];

/**
 * The keys of hits that became durable within the window, with their first answers: about 150 bytes of memory each. None is
 * dropped early: above the limit the collector refuses new ones.
 */
export class IdempotencyKeys {
  /** How long a key is kept. */
  readonly windowMs: number;
  /** Chunks in the order of time, the first partly expired. */
  #chunks: { readonly bytes: Buffer; readonly buffer: SharedArrayBuffer; used: number }[] = [];
  /** Numbers of the first key that is kept, and of the first key of the first chunk. */
  #first = 0;
  #chunkFirst = 0;
  #next = 0;
  readonly #numbers = Array.from({ length: MAPS }, () => new Map<string, number>());

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  get size(): number {
    return this.#next - this.#first;
  }

  find(digest: string): FirstAnswer | undefined {
    const number = this.#numbersOf(digest)?.get(digest);
    if (number === undefined) return undefined;
    const { bytes, at } = this.#place(number);
    return {
      fingerprint: bytes.readUInt32LE(at + 16),
      offset: readU64(bytes, at + 20) ?? 0,
      count: readU64(bytes, at + 28) ?? 0,
    };
  }

  /** Adds a key that became durable at this time. The first answer to a key stands. Called for each hit: no options. */
  add({ digest, fingerprint }: HitKey, offset: number, count: number, time: number): void {
    const numbers = this.#numbersOf(digest);
    if (numbers === undefined || numbers.has(digest)) return;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.used === KEYS_PER_CHUNK * KEY_BYTES) {
      const buffer = new SharedArrayBuffer(KEYS_PER_CHUNK * KEY_BYTES);
      chunk = { bytes: Buffer.from(buffer), buffer, used: 0 };
      this.#chunks.push(chunk);
    }
    const { bytes, used } = chunk;
    bytes.write(digest, used, DIGEST_BYTES, "latin1");
    bytes.writeUInt32LE(fingerprint, used + 16);
    writeU64(bytes, used + 20, offset);
    writeU64(bytes, used + 28, count);
    writeU64(bytes, used + 36, time);
    chunk.used += KEY_BYTES;
    numbers.set(digest, this.#next++);
  }

  /** Returns whether a key of that time is within the window. */
  isKept(time: number, now: number): boolean {
    return time > now - this.windowMs;
  }

  /** Drops keys that have left the window, so many at most. */
  expire(now: number, most = DROPPED_AT_ONCE): void {
    const end = Math.min(this.#next, this.#first + most);
    while (this.#first < end) {
      const { bytes, at } = this.#place(this.#first);
      if (this.isKept(readU64(bytes, at + 36) ?? 0, now)) return;
      const digest = bytes.toString("latin1", at, at + DIGEST_BYTES);
      this.#numbersOf(digest)?.delete(digest);
      this.#first++;
      if (this.#first === this.#chunkFirst + KEYS_PER_CHUNK) {
        this.#chunks.shift();
        this.#chunkFirst = this.#first;
      }
    }
  }

  image(): KeysImage {
    return this.#chunks.map(({ buffer, used }, index) => {
      return { buffer, from: index === 0 ? (this.#first - this.#chunkFirst) * KEY_BYTES : 0, to: used };
    });
  }

  /** Adds the keys of a snapshot that are still within the window. */
  restore(keys: Buffer, now: number): void {
    for (let at = 0; at + KEY_BYTES <= keys.length; at += KEY_BYTES) {
      const time = readU64(keys, at + 36) ?? 0;
      if (!this.isKept(time, now)) continue;
      const key = { digest: keys.toString("latin1", at, at + DIGEST_BYTES), fingerprint: keys.readUInt32LE(at + 16) };
      this.add(key, readU64(keys, at + 20) ?? 0, readU64(keys, at + 28) ?? 0, time);
    }
  }

  #numbersOf(digest: string): Map<string, number> | undefined {
    return this.#numbers[digest.charCodeAt(0)];
  }

  #place(number: number): { bytes: Buffer; at: number } {
    const chunk = this.#chunks[Math.floor((number - this.#chunkFirst) / KEYS_PER_CHUNK)];
    if (chunk === undefined) throw new RangeError(`no key ${number}`);
    return { bytes: chunk.bytes, at: ((number - this.#chunkFirst) % KEYS_PER_CHUNK) * KEY_BYTES };
  }
}
