import { HEADER_BYTES, writeU64 } from "../../../src/wal/format.js";
import { SECTOR_BYTES } from "../../support/memory-file.js";
import type { Case } from "./check.js";
import {
  appended,
  cut,
  cuts,
  cutsAt,
  everyBit,
  fail,
  flip,
  flips,
  forgedInside,
  HEADER_FIELDS_BYTES,
  header,
  hitsIn,
  inNewest,
  last,
  lengthsIn,
  middle,
  newest,
  oldest,
  PAYLOAD,
  sealIn,
  within,
  without,
  zeroed,
} from "./edits.js";
import { fileOf, type Sample, type SampleOptions } from "./log.js";

/** The damage of one row of the table, and its expected outcome. */
export interface Happening {
  readonly sample?: SampleOptions;
  /** Cases for everything that opens or reads a log. */
  cases(sample: Sample): Iterable<Case> | AsyncIterable<Case>;
  /** Cases at every byte or bit, for the reader alone. */
  everywhere?(sample: Sample): Iterable<Case>;
}

const killed: SampleOptions = { ends: "killed" };

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
      // A lost seal leaves no record missing, and yet by the recorded end bytes are.
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
  "a bit flipped in a seal, with nothing after it": {
    cases: (sample) => flips(sample, newest(sample), sealIn(sample).byte, sealIn(sample).endByte, []),
    everywhere: (sample) => everyBit(sample, newest(sample), sealIn(sample), []),
  },
  "a bit flipped in a seal, with a batch after it": {
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
        // In the newest segment nothing proves what shares a sector with the last seal.
        const to = base === newest(sample) ? last(sealed).byte - SECTOR_BYTES : last(sealed).endByte;
        yield* zeroed(sample, base, HEADER_BYTES, to);
      }
    },
  },
  "a sector zeroed in the last batch, not sealed": {
    sample: { ...killed, batches: 1, payload: JSON.stringify({ pad: "y".repeat(600) }) },
    cases: function* (sample) {
      const batch = inNewest(sample, -1);
      // Zeros from the batch's beginning on leave its end, if it is longer than the sector.
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
  "zeros after the end of a segment": {
    cases: function* (sample) {
      for (const base of sample.segments) {
        for (const size of [1, 511, 4096]) yield appended(sample, base, Buffer.alloc(size));
      }
    },
  },
  "garbage after the end of the newest segment": {
    cases: function* (sample) {
      for (const size of [1, 31, 32, 700]) yield appended(sample, newest(sample), Buffer.alloc(size, "DHB1?"));
    },
  },
  "garbage after the end of a closed segment": {
    cases: function* (sample) {
      for (const base of [oldest(sample), middle(sample)]) {
        for (const size of [1, 31, 32, 700]) yield appended(sample, base, Buffer.alloc(size, "DHB1?"));
      }
    },
  },
  "an older epoch's batches after the end": {
    sample: { ...killed, batches: 2 },
    cases: function* (sample) {
      const old = within(sample, oldest(sample));
      const bytes = sample.fs.content(fileOf(oldest(sample))).subarray(HEADER_BYTES, old[1]?.endByte);
      yield appended(sample, newest(sample), bytes);
      // The same with the offset that would come next: only the nonce tells.
      const batch = Buffer.from(bytes.subarray(0, (old[0]?.endByte ?? 0) - HEADER_BYTES));
      writeU64(batch, 16, last(within(sample, newest(sample))).offset + 2);
      yield appended(sample, newest(sample), batch);
    },
  },
  "a forged batch inside a payload": {
    sample: { payload: PAYLOAD },
    cases: (sample) => forgedInside(sample, false),
  },
  "a forged batch inside a payload, the batch around it damaged": {
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
  "lengths of 0, 2^31 or 2^53 in a header, with a matching checksum": {
    cases: function* (sample) {
      // What is prepared, of the newest; the end of the one before, as the next one has it.
      yield header(sample, newest(sample), 56, 2 ** 31, []);
      yield header(sample, newest(sample), 56, 2 ** 53, within(sample, newest(sample)));
      yield { ...header(sample, newest(sample), 80, 2 ** 31, []), stopsAt: newest(sample) };
      yield header(sample, newest(sample), 80, 2 ** 53, within(sample, newest(sample)));
      yield { ...header(sample, newest(sample), 88, 2 ** 31, []), stopsAt: newest(sample) };
    },
  },
  "the oldest segment deleted, no snapshot includes it": {
    cases: (sample) => [without(sample, oldest(sample))],
  },
  "the oldest segment deleted, a snapshot includes it": {
    sample: { snapshot: "of all" },
    cases: (sample) => [without(sample, oldest(sample), { missing: [], inSnapshot: within(sample, oldest(sample)) })],
  },
  "a middle segment deleted": {
    cases: (sample) => [without(sample, middle(sample))],
  },
  "the newest segment deleted, a snapshot is its witness": {
    sample: { snapshot: "of all" },
    cases: (sample) => [
      without(sample, newest(sample), {
        missing: [],
        inSnapshot: within(sample, newest(sample)),
        isPastSnapshot: true,
      }),
    ],
  },
  "the newest segment deleted, no snapshot is its witness": {
    cases: (sample) => [without(sample, newest(sample))],
  },
  "all segments deleted, a snapshot is their witness": {
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
      // The middle one is of the same epoch as the oldest: only its name shows where that ended.
      for (const { byte } of hitsIn(within(sample, oldest(sample))).slice(1)) {
        const { fs, missing } = cut(sample, oldest(sample), byte);
        const bytes = fs.content(fileOf(middle(sample)));
        fs.put(fileOf(middle(sample)), flip(200)(bytes));
        yield { when: `${byte} bytes left`, fs, missing: [...missing, ...within(sample, middle(sample))] };
      }
    },
  },
};
