import type { Hit } from "../model/hit.js";
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

/** Encodes the hits of one request, in order, for one batch. */
export function encodeHits(hits: readonly Hit[]): Buffer {
  let bound = 0;
  for (const hit of hits) {
    bound += FIXED_BYTES + 3 * (hit.counter.length + (hit.id?.length ?? 0) + (hit.payload?.length ?? 0));
  }
  const buffer = Buffer.allocUnsafeSlow(bound);
  const call = ++calls;
  let at = 0;
  let index = 0;
  for (const hit of hits) {
    const name = cachedName(hit.counter);
    const isKnown = name.call === call;
    const distance = index - name.index;
    const nameBytes = isKnown ? varintBytes(distance) : varintBytes(name.bytes) + name.bytes;
    at = writeVarint(buffer, at, 2 + nameBytes + extraBytes(hit));
    buffer[at++] = HIT;
    buffer[at++] = flagsOf(hit) | (isKnown ? NAME_BEFORE : 0);
    at = isKnown ? writeVarint(buffer, at, distance) : writeText(buffer, at, hit.counter, name.bytes);
    name.call = call;
    name.index = index++;
    at = writeExtras(buffer, at, hit);
  }
  return buffer.subarray(0, at);
}

interface CachedName {
  readonly bytes: number;
  /** The last call that encoded it, and the index of the hit in that call. */
  call: number;
  index: number;
}

/**
 * Recent names, kept from call to call: looking one up costs half of what adding it costs. A name that is evicted during a
 * call is written in full again.
 */
const cachedNames = new Map<string, CachedName>();
const MAX_CACHED_NAMES = 8192;
let calls = 0;

function cachedName(counter: string): CachedName {
  const known = cachedNames.get(counter);
  if (known !== undefined) return known;
  const name = { bytes: utf8Bytes(counter), call: 0, index: 0 };
  if (cachedNames.size >= MAX_CACHED_NAMES) cachedNames.clear();
  cachedNames.set(counter, name);
  return name;
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
