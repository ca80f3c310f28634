import { crc32 } from "node:zlib";
import { BATCH_HEADER_BYTES, checksumSeed, HEADER_BYTES, sealBatch, writeU64 } from "../../../src/wal/format.js";
import { SECTOR_BYTES } from "../../support/memory-file.js";
import type { Case } from "./check.js";
import { type Batch, changed, fileOf, nonceOf, type Sample, type SampleOptions } from "./log.js";

/** What happens to a log in one row of the table. */
export interface Happening {
  readonly sample?: SampleOptions;
  /** Cases for everything that opens or reads a log. */
  cases(sample: Sample): Iterable<Case> | AsyncIterable<Case>;
  /** Cases at every byte or bit, for the reader alone. */
  everywhere?(sample: Sample): Iterable<Case>;
}

const killed: SampleOptions = { ends: "killed" };
const HEADER_FIELDS_BYTES = 100;
/** Of lengths: none, more than a file has, more than a number holds. */
const LENGTHS = [0, 2 ** 31, 2 ** 53] as const;

const within = (sample: Sample, base: number | undefined) => sample.batches.filter(({ segment }) => segment === base);
const last = <T>(values: readonly T[]): T => values.at(-1) ?? fail();
const fail = (): never => {
  throw new Error("the sample has too little in it");
};
const newest = ({ segments }: Sample) => last(segments);
const middle = ({ segments }: Sample) => segments[1] ?? fail();
const oldest = ({ segments }: Sample) => segments[0] ?? fail();
const hitsIn = (batches: readonly Batch[]) => batches.filter(({ hits }) => hits.length > 0);

function flip(bit: number) {
  return (bytes: Buffer) => {
    const byte = Math.floor(bit / 8);
    bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (bit % 8));
    return bytes;
  };
}

/** One bit of each byte from a place up to another; every so many bytes. */
function* flips(
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

function* everyBit(sample: Sample, base: number, { byte, endByte }: Batch, missing: readonly Batch[]): Iterable<Case> {
  for (let bit = byte * 8; bit < endByte * 8; bit++) {
    yield { when: `bit ${bit} of ${base}`, fs: changed(sample, base, flip(bit)), missing };
  }
}

function cut(sample: Sample, base: number, size: number): Case {
  const fs = changed(sample, base, (bytes) => bytes.subarray(0, size));
  const left = size < HEADER_FIELDS_BYTES ? 0 : size;
  return {
    when: `${size} bytes left of ${base}`,
    fs,
    missing: within(sample, base).filter(({ endByte }) => endByte > left),
  };
}

function* cuts(sample: Sample, base: number): Iterable<Case> {
  for (let size = 0; size < sample.fs.content(fileOf(base)).length; size++) yield cut(sample, base, size);
}

function* cutsAt(sample: Sample, base: number, sizes: readonly number[]): Iterable<Case> {
  for (const size of sizes) yield cut(sample, base, size);
}

/** Behind the end: of the newest segment in what is prepared, of a closed one behind the file. */
function behind(sample: Sample, base: number, added: Buffer): Case {
  const end = last(within(sample, base)).endByte;
  const fs = changed(sample, base, (bytes) => {
    if (base !== newest(sample)) return Buffer.concat([bytes, added]);
    added.copy(bytes, end);
    return bytes;
  });
  return { when: `${added.length} bytes behind ${base}`, fs, missing: [] };
}

function without(sample: Sample, base: number, what: Partial<Case> = {}): Case {
  const fs = sample.fs.copy();
  fs.remove(fileOf(base));
  return { when: `without ${base}`, fs, missing: within(sample, base), ...what };
}

function* lengthsIn(sample: Sample, batch: Batch): Iterable<Case> {
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

/** A header that says something else, with a checksum that fits. */
function header(sample: Sample, base: number, at: number, value: number, missing: readonly Batch[]): Case {
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

const PAYLOAD = "placeholder of a forged batch, as long as one or longer";

/** Writes a forged batch over a payload, and makes the checksum of the batch around it fit again. */
async function* forgedInside(sample: Sample, isDamaged: boolean): AsyncIterable<Case> {
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
const inNewest = (sample: Sample, index: number) => hitsIn(within(sample, newest(sample))).at(index) ?? fail();
const sealIn = (sample: Sample) => last(within(sample, newest(sample)).filter(({ hits }) => hits.length === 0));
const overlapping = (batches: readonly Batch[], from: number, to: number) =>
  batches.filter(({ byte, endByte }) => byte < to && endByte > from);

function* zeroed(sample: Sample, base: number, from: number, to: number): Iterable<Case> {
  for (let at = from - (from % SECTOR_BYTES); at < to; at += SECTOR_BYTES) {
    const fs = changed(sample, base, (bytes) => bytes.fill(0, at, Math.min(at + SECTOR_BYTES, bytes.length)));
    const missing = hitsIn(overlapping(within(sample, base), at, at + SECTOR_BYTES));
    yield { when: `sector at ${at} of ${base} zeroed`, fs, missing };
  }
}

export const happenings: Readonly<Record<string, Happening>> = {
  "the newest segment cut short, at any byte": {
    cases: (sample) => {
      const { byte, endByte } = inNewest(sample, 1);
      return cutsAt(sample, newest(sample), [
        0,
        99,
        100,
        HEADER_BYTES,
        byte - 1,
        byte,
        byte + 5,
        endByte,
        endByte + 100,
      ]);
    },
    everywhere: (sample) => cuts(sample, newest(sample)),
  },
  "a closed segment cut short, at any byte": {
    cases: (sample) => {
      const { byte } = within(sample, middle(sample))[1] ?? fail();
      return cutsAt(sample, middle(sample), [0, 99, 100, 2000, byte - 1, byte + 1, byte + 40]);
    },
    everywhere: function* (sample) {
      // A seal that is lost leaves no record missing, and yet the recorded end says that bytes are.
      for (const base of [oldest(sample), middle(sample)]) yield* cuts(sample, base);
    },
  },
  "a closed segment cut at a batch border": {
    cases: function* (sample) {
      for (const base of [oldest(sample), middle(sample)]) {
        yield* cutsAt(
          sample,
          base,
          hitsIn(within(sample, base)).map(({ byte }) => byte),
        );
      }
    },
  },
  "a bit flipped in a sealed batch": {
    cases: function* (sample) {
      for (const batch of hitsIn(sample.batches)) {
        const step = batch.endByte - batch.byte > 200 ? 997 : 13;
        yield* flips(sample, batch.segment, batch.byte, batch.endByte, [batch], step);
      }
    },
    everywhere: function* (sample) {
      const small = hitsIn(sample.batches).filter(({ byte, endByte }) => endByte - byte < 200);
      for (const batch of small) yield* everyBit(sample, batch.segment, batch, [batch]);
    },
  },
  "a bit flipped in the last batch, not sealed": {
    sample: killed,
    cases: (sample) => {
      const batch = inNewest(sample, -1);
      return flips(sample, batch.segment, batch.byte, batch.endByte, [batch]);
    },
    everywhere: (sample) => everyBit(sample, newest(sample), inNewest(sample, -1), [inNewest(sample, -1)]),
  },
  "a bit flipped in a seal, with nothing behind it": {
    cases: (sample) => flips(sample, newest(sample), sealIn(sample).byte, sealIn(sample).endByte, []),
    everywhere: (sample) => everyBit(sample, newest(sample), sealIn(sample), []),
  },
  "a bit flipped in a seal, with a batch behind it": {
    sample: { ends: "sealed amid" },
    cases: (sample) => flips(sample, newest(sample), sealIn(sample).byte, sealIn(sample).endByte, []),
    everywhere: (sample) => everyBit(sample, newest(sample), sealIn(sample), []),
  },
  "a bit flipped in a closed segment's header": {
    cases: function* (sample) {
      for (const base of [oldest(sample), middle(sample)]) {
        yield* flips(sample, base, 0, HEADER_FIELDS_BYTES, hitsIn(within(sample, base)), 3);
      }
    },
    everywhere: function* (sample) {
      const fields = { segment: middle(sample), byte: 0, endByte: HEADER_FIELDS_BYTES, offset: 0, hits: [] };
      yield* everyBit(sample, middle(sample), fields, hitsIn(within(sample, middle(sample))));
    },
  },
  "a bit flipped in the newest segment's header": {
    cases: (sample) => flips(sample, newest(sample), 0, HEADER_FIELDS_BYTES, within(sample, newest(sample)), 3),
  },
  "a bit flipped in the rest of a header's block": {
    cases: (sample) => flips(sample, middle(sample), HEADER_FIELDS_BYTES, HEADER_BYTES, [], 401),
    everywhere: function* (sample) {
      for (const base of sample.segments) yield* flips(sample, base, HEADER_FIELDS_BYTES, HEADER_BYTES, []);
    },
  },
  "a sector zeroed in sealed batches": {
    sample: { batches: 12 },
    cases: function* (sample) {
      for (const base of sample.segments) {
        const sealed = hitsIn(within(sample, base));
        // In the newest nothing vouches for what shares a sector with the last seal.
        const to = base === newest(sample) ? last(sealed).byte - SECTOR_BYTES : last(sealed).endByte;
        yield* zeroed(sample, base, HEADER_BYTES, to);
      }
    },
  },
  "a sector zeroed in the last batch, not sealed": {
    sample: { ...killed, batches: 1, payload: JSON.stringify({ pad: "y".repeat(600) }) },
    cases: function* (sample) {
      const batch = inNewest(sample, -1);
      // Zeros from the batch's beginning on leave something of it behind them, where it is longer than the sector.
      yield* zeroed(sample, batch.segment, batch.byte, batch.endByte - SECTOR_BYTES);
    },
  },
  "a header zeroed": {
    cases: (sample) =>
      [...zeroed(sample, middle(sample), 0, SECTOR_BYTES)].map((one) => ({
        ...one,
        missing: within(sample, middle(sample)),
      })),
  },
  "zeros behind the end of a segment": {
    cases: function* (sample) {
      for (const base of sample.segments) {
        for (const size of [1, 511, 4096]) yield behind(sample, base, Buffer.alloc(size));
      }
    },
  },
  "garbage behind the end of the newest segment": {
    cases: function* (sample) {
      for (const size of [1, 31, 32, 700]) yield behind(sample, newest(sample), Buffer.alloc(size, "DHB1?"));
    },
  },
  "garbage behind the end of a closed segment": {
    cases: function* (sample) {
      for (const base of [oldest(sample), middle(sample)]) {
        for (const size of [1, 31, 32, 700]) yield behind(sample, base, Buffer.alloc(size, "DHB1?"));
      }
    },
  },
  "an older epoch's batches behind the end": {
    sample: { ...killed, batches: 2 },
    cases: function* (sample) {
      const old = within(sample, oldest(sample));
      const bytes = sample.fs.content(fileOf(oldest(sample))).subarray(HEADER_BYTES, old[1]?.endByte);
      yield behind(sample, newest(sample), bytes);
      // The same with the offset that would come next: only the nonce tells.
      const batch = Buffer.from(bytes.subarray(0, (old[0]?.endByte ?? 0) - HEADER_BYTES));
      writeU64(batch, 16, last(within(sample, newest(sample))).offset + 2);
      yield behind(sample, newest(sample), batch);
    },
  },
  "a forged batch inside a payload": {
    sample: { payload: PAYLOAD },
    cases: (sample) => forgedInside(sample, false),
  },
  "a forged batch inside a payload, its own batch damaged": {
    sample: { payload: PAYLOAD },
    cases: (sample) => forgedInside(sample, true),
  },
  "lengths of 0, 2^31 or 2^53 in a sealed batch": {
    cases: function* (sample) {
      for (const base of sample.segments) yield* lengthsIn(sample, hitsIn(within(sample, base))[1] ?? fail());
    },
  },
  "lengths of 0, 2^31 or 2^53 in the last batch, not sealed": {
    sample: killed,
    cases: (sample) => lengthsIn(sample, inNewest(sample, -1)),
  },
  "lengths of 0, 2^31 or 2^53 in a header, its checksum made to fit": {
    cases: function* (sample) {
      // What is prepared, of the newest; the end of the one before, as the next one has it.
      yield header(sample, newest(sample), 56, 2 ** 31, []);
      yield header(sample, newest(sample), 56, 2 ** 53, within(sample, newest(sample)));
      yield { ...header(sample, newest(sample), 80, 2 ** 31, []), stopsAt: newest(sample) };
      yield header(sample, newest(sample), 80, 2 ** 53, within(sample, newest(sample)));
      yield { ...header(sample, newest(sample), 88, 2 ** 31, []), stopsAt: newest(sample) };
    },
  },
  "the oldest segment deleted, no snapshot covers it": {
    cases: (sample) => [without(sample, oldest(sample))],
  },
  "the oldest segment deleted, a snapshot covers it": {
    sample: { snapshot: "of all" },
    cases: (sample) => [without(sample, oldest(sample), { missing: [], inSnapshot: within(sample, oldest(sample)) })],
  },
  "a middle segment deleted": {
    cases: (sample) => [without(sample, middle(sample))],
  },
  "the newest segment deleted, a snapshot knows of it": {
    sample: { snapshot: "of all" },
    cases: (sample) => [
      without(sample, newest(sample), {
        missing: [],
        inSnapshot: within(sample, newest(sample)),
        isBehindSnapshot: true,
      }),
    ],
  },
  "the newest segment deleted, nothing else knows of it": {
    cases: (sample) => [without(sample, newest(sample))],
  },
  "all segments deleted, a snapshot knows of them": {
    sample: { snapshot: "before the last segment" },
    cases: (sample) => {
      const fs = sample.fs.copy();
      for (const base of sample.segments) fs.remove(fileOf(base));
      const missing = within(sample, newest(sample));
      return [
        {
          when: "all",
          fs,
          missing,
          inSnapshot: sample.batches.filter((batch) => !missing.includes(batch)),
          isForgotten: true,
        },
      ];
    },
  },
  "two segments swapped": {
    cases: function* (sample) {
      for (const [one, other] of [
        [oldest, middle],
        [middle, newest],
      ] as const) {
        const [a, b] = [one(sample), other(sample)];
        const fs = sample.fs.copy();
        fs.put(fileOf(a), sample.fs.content(fileOf(b)));
        fs.put(fileOf(b), sample.fs.content(fileOf(a)));
        const missing = sample.batches.filter(({ segment }) => segment === a || segment === b);
        yield { when: `${a} and ${b}`, fs, missing };
      }
    },
  },
  "a closed segment cut short, the next one's header damaged": {
    cases: function* (sample) {
      // The middle one is of the same epoch as the oldest: nothing but its name says where that ended.
      for (const { byte } of hitsIn(within(sample, oldest(sample))).slice(1)) {
        const { fs, missing } = cut(sample, oldest(sample), byte);
        const bytes = fs.content(fileOf(middle(sample)));
        fs.put(fileOf(middle(sample)), flip(200)(bytes));
        yield { when: `${byte} bytes left`, fs, missing: [...missing, ...within(sample, middle(sample))] };
      }
    },
  },
};
