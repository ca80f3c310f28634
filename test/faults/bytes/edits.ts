import { crc32 } from "node:zlib";
import { BATCH_HEADER_BYTES, checksumSeed, sealBatch, writeU64 } from "../../../src/wal/format.js";
import { SECTOR_BYTES } from "../../support/memory-file.js";
import type { Case } from "./check.js";
import { type Batch, changed, fileOf, nonceOf, type Sample } from "./log.js";

/** Ways to change bytes on disk, and what can't be read then. */

export const HEADER_FIELDS_BYTES = 100;
/** Of lengths: none, more than a file has, more than a number holds. */
const LENGTHS = [0, 2 ** 31, 2 ** 53] as const;

export const within = (sample: Sample, base: number | undefined) =>
  sample.batches.filter(({ segment }) => segment === base);
export const last = <T>(values: readonly T[]): T => values.at(-1) ?? fail();
export const fail = (): never => {
  throw new Error("the sample has too little in it");
};
export const newest = ({ segments }: Sample) => last(segments);
export const middle = ({ segments }: Sample) => segments[1] ?? fail();
export const oldest = ({ segments }: Sample) => segments[0] ?? fail();
export const hitsIn = (batches: readonly Batch[]) => batches.filter(({ hits }) => hits.length > 0);

export function flip(bit: number) {
  return (bytes: Buffer) => {
    const byte = Math.floor(bit / 8);
    bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (bit % 8));
    return bytes;
  };
}

/** One bit of each byte from a place up to another; every so many bytes. */
export function* flips(
  sample: Sample,
  base: number,
  from: number,
  to: number,
  missing: readonly Batch[],
  step = 1,
): Iterable<Case> {
  for (let byte = from; byte < to; byte += step) {
    yield { when: `byte ${byte} of ${base}`, fs: changed(sample, base, flip(byte * 8 + (byte % 8))), missing };
  }
}

export function* everyBit(
  sample: Sample,
  base: number,
  { byte, endByte }: Batch,
  missing: readonly Batch[],
): Iterable<Case> {
  for (let bit = byte * 8; bit < endByte * 8; bit++) {
    yield { when: `bit ${bit} of ${base}`, fs: changed(sample, base, flip(bit)), missing };
  }
}

export function cut(sample: Sample, base: number, size: number): Case {
  const fs = changed(sample, base, (bytes) => bytes.subarray(0, size));
  const left = size < HEADER_FIELDS_BYTES ? 0 : size;
  return {
    when: `${size} bytes left of ${base}`,
    fs,
    missing: within(sample, base).filter(({ endByte }) => endByte > left),
  };
}

export function* cuts(sample: Sample, base: number): Iterable<Case> {
  for (let size = 0; size < sample.fs.content(fileOf(base)).length; size++) yield cut(sample, base, size);
}

export function* cutsAt(sample: Sample, base: number, sizes: readonly number[]): Iterable<Case> {
  for (const size of sizes) yield cut(sample, base, size);
}

/** Adds bytes after the end: of the newest segment within its prepared file, of a closed one at the file's end. */
export function appended(sample: Sample, base: number, added: Buffer): Case {
  const end = last(within(sample, base)).endByte;
  const fs = changed(sample, base, (bytes) => {
    if (base !== newest(sample)) return Buffer.concat([bytes, added]);
    added.copy(bytes, end);
    return bytes;
  });
  return { when: `${added.length} bytes after ${base}`, fs, missing: [] };
}

export function without(sample: Sample, base: number, what: Partial<Case> = {}): Case {
  const fs = sample.fs.copy();
  fs.remove(fileOf(base));
  return { when: `without ${base}`, fs, missing: within(sample, base), ...what };
}

export function* lengthsIn(sample: Sample, batch: Batch): Iterable<Case> {
  for (const length of LENGTHS) {
    for (const [at, bytes] of [
      [4, 4],
      [12, 4],
      [16, 8],
      [24, 8],
    ] as const) {
      if (bytes === 4 && length >= 2 ** 32) continue;
      const fs = changed(sample, batch.segment, (content) => {
        if (bytes === 4) content.writeUInt32LE(length, batch.byte + at);
        else writeU64(content, batch.byte + at, length);
        return content;
      });
      // The offset that it has anyway, at the beginning of the log.
      if (fs.content(fileOf(batch.segment)).equals(sample.fs.content(fileOf(batch.segment)))) continue;
      yield { when: `${length} at ${at} of the batch at ${batch.byte}`, fs, missing: hitsIn([batch]) };
    }
  }
}

/** Changes a header, with a checksum that fits. */
export function header(sample: Sample, base: number, at: number, value: number, missing: readonly Batch[]): Case {
  const fs = changed(sample, base, (content) => {
    writeU64(content, at, value);
    content.writeUInt32LE(crc32(content.subarray(0, 96)), 96);
    return content;
  });
  return { when: `${value} at ${at} of the header of ${base}`, fs, missing };
}

/** A batch of one hit that would be read where a reader looked for it. */
async function forged(sample: Sample, seedOf: "its epoch" | "a guess", offset: number): Promise<Buffer> {
  const record = Buffer.from([4, 1, 0, 1, 0x66]);
  const batch = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), record]);
  const nonce = seedOf === "a guess" ? "0123456789abcdef" : await nonceOf(sample, newest(sample));
  sealBatch(batch, batch.length, { seed: checksumSeed(nonce), baseOffset: offset, count: 1, time: 0 });
  return batch;
}

export const PAYLOAD = "placeholder of a forged batch, as long as one or longer";

/** Writes a forged batch over a payload, and makes the checksum of the batch around it fit again. */
export async function* forgedInside(sample: Sample, isDamaged: boolean): AsyncIterable<Case> {
  const around = within(sample, newest(sample))[0] ?? fail();
  const nonce = await nonceOf(sample, newest(sample));
  const inner = await forged(sample, "a guess", around.offset + 1);
  const fs = changed(sample, around.segment, (content) => {
    const at = content.indexOf(PAYLOAD, around.byte);
    inner.copy(content, at);
    const batch = content.subarray(around.byte, around.endByte);
    const { offset: baseOffset, hits } = around;
    const time = Number(batch.readBigUInt64LE(24));
    sealBatch(batch, batch.length, { seed: checksumSeed(nonce), baseOffset, count: hits.length, time });
    if (isDamaged) batch[9] = (batch[9] ?? 0) ^ 1;
    return content;
  });
  yield { when: "a forged batch", fs, missing: isDamaged ? [around] : [] };
}

/** The n-th batch of hits of the newest segment, from its end where negative. */
export const inNewest = (sample: Sample, index: number) => hitsIn(within(sample, newest(sample))).at(index) ?? fail();
export const sealIn = (sample: Sample) => last(within(sample, newest(sample)).filter(({ hits }) => hits.length === 0));
const overlapping = (batches: readonly Batch[], from: number, to: number) =>
  batches.filter(({ byte, endByte }) => byte < to && endByte > from);

export function* zeroed(sample: Sample, base: number, from: number, to: number): Iterable<Case> {
  for (let at = from - (from % SECTOR_BYTES); at < to; at += SECTOR_BYTES) {
    const fs = changed(sample, base, (bytes) => bytes.fill(0, at, Math.min(at + SECTOR_BYTES, bytes.length)));
    const missing = hitsIn(overlapping(within(sample, base), at, at + SECTOR_BYTES));
    yield { when: `sector at ${at} of ${base} zeroed`, fs, missing };
  }
}
