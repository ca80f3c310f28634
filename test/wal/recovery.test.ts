import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEADER_BYTES } from "../../src/wal/format.js";
import { checkOpening } from "../support/log-checks.js";
import {
  appendEach,
  type Contents,
  edit,
  flipBit,
  last,
  openLog,
  readAll,
  SMALL_SEGMENT,
  segments,
} from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

/** The newest segment, damaged in every way, against the floor rule in recovery.ts. */

interface Made {
  readonly fs: MemoryFileSystem;
  readonly file: string;
  readonly contents: Contents;
  /** The first byte after the last batch. */
  readonly end: number;
}

/** One segment of small batches, as a killed process leaves it. */
async function make(options: { seal: "none" | "middle" | "end"; batches?: number }): Promise<Made> {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  const records = Array.from({ length: options.batches ?? 8 }, (_, i) => `r${"x".repeat(i)}`);
  await appendEach(log, records.slice(0, 4));
  // A seal is written when the log has been idle for 200 ms.
  if (options.seal === "middle") await wait(300);
  await appendEach(log, records.slice(4));
  if (options.seal === "end") await log.close();
  const killed = fs.kill();
  const contents = await readAll(killed);
  assert.is(contents.records.size, records.length);
  const seals = contents.batches.filter((batch) => batch.count === 0).length;
  assert.is(seals, options.seal === "none" ? 0 : 1);
  return { fs: killed.copy(), file: last(segments(killed)), contents, end: last(contents.batches).endByte };
}

/** What must be readable where exactly these batches are lost. */
function without(made: Made, isLost: (batch: Contents["batches"][number]) => boolean) {
  const lost = made.contents.batches.filter(isLost);
  const records = new Map<number, string>();
  let offset = 0;
  for (const batch of made.contents.batches) {
    for (let i = 0; i < batch.count; i++, offset++) {
      if (!lost.includes(batch)) records.set(offset, made.contents.records.get(offset) ?? "");
    }
  }
  const followed = made.contents.batches.some(
    (batch) => !lost.includes(batch) && lost.some((l) => l.byte < batch.byte),
  );
  return { records, lost, followed };
}

const all = () => true;

test("truncated at every byte: a crash never shortens a prepared file, so it is damage, and the rest is read", async () => {
  const made = await make({ seal: "none" });
  const sizes = [0, 1, 50, 99, 100, 101, 4000, HEADER_BYTES - 1];
  for (let size = HEADER_BYTES; size <= made.end + 2; size++) sizes.push(size);
  for (let size = made.end + 3; size < SMALL_SEGMENT; size += 10_007) sizes.push(size);
  for (const size of [...sizes, SMALL_SEGMENT - 1]) {
    const fs = made.fs.copy();
    edit(fs, made.file, (content) => content.subarray(0, size));
    const { records } = without(made, (batch) => batch.endByte > size);
    // Without its header nothing says whose log this is; see recovery-witness.test.ts.
    const options =
      size < 100 ? { witnesses: [{ source: "a snapshot", logId: "0123456789abcdef", offset: 0, epoch: 1 }] } : {};
    await checkOpening(fs, { records, damaged: true }, `${size} bytes left`, options);
  }
});

for (const seal of ["none", "middle", "end"] as const) {
  test(`one bit flipped in every byte, seal: ${seal}`, async () => {
    const made = await make({ seal });
    for (let byte = 100; byte < made.end + 40; byte += byte < HEADER_BYTES ? 333 : 1) {
      const fs = made.fs.copy();
      flipBit(fs, made.file, byte, byte % 8);
      const { records, followed, lost } = without(made, (batch) => batch.byte <= byte && byte < batch.endByte);
      const when = `byte ${byte}`;
      // Of a seal no record is missing.
      const damaged = followed && lost.some(({ count }) => count > 0);
      const recovery = await checkOpening(fs, { records, damaged }, when);
      assert.is(recovery.tornBytes > 0, (lost.length > 0 && !followed) || byte >= made.end, when);
      if (damaged) {
        assert.is(recovery.damage[0]?.byte, lost[0]?.byte, when);
        assert.is(recovery.damage.length, 1, when);
      }
    }
  });
}

test("every single bit of three batches and a seal", async () => {
  const made = await make({ seal: "end", batches: 3 });
  for (let byte = HEADER_BYTES; byte < made.end; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      const fs = made.fs.copy();
      flipBit(fs, made.file, byte, bit);
      const { records, followed } = without(made, (batch) => batch.byte <= byte && byte < batch.endByte);
      await checkOpening(fs, { records, damaged: followed }, `byte ${byte} bit ${bit}`);
    }
  }
});

test("every 512-byte sector zeroed", async () => {
  const fs0 = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs0);
  await appendEach(
    log,
    Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(i * 40, "y")),
  );
  const killed = fs0.kill();
  const contents = await readAll(killed);
  const made: Made = { fs: killed.copy(), file: last(segments(killed)), contents, end: last(contents.batches).endByte };
  for (let sector = 512; sector < made.end + 1024; sector += 512) {
    const fs = made.fs.copy();
    edit(fs, made.file, (content) => content.fill(0, sector, sector + 512));
    const { records, followed } = without(made, (batch) => batch.byte < sector + 512 && sector < batch.endByte);
    await checkOpening(fs, { records, damaged: followed }, `sector at ${sector}`);
  }
});

test("past the end: garbage is a torn tail, zeros are nothing, and a file may have grown", async () => {
  const made = await make({ seal: "none" });
  const records = made.contents.records;
  const garbage = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256));
  const tails: [string, Buffer, number][] = [
    ["garbage", garbage, garbage.length],
    ["the magic of a batch over and over", Buffer.from("DHB1".repeat(500)), 2000],
    ["half a batch", made.fs.content(made.file).subarray(HEADER_BYTES, HEADER_BYTES + 40), 40],
    ["zeros", Buffer.alloc(100), 0],
  ];
  for (const [what, bytes, torn] of tails) {
    for (const at of ["end", "file"] as const) {
      const fs = made.fs.copy();
      edit(fs, made.file, (content) => {
        if (at === "file") return Buffer.concat([content, bytes]);
        bytes.copy(content, made.end);
        return content;
      });
      const recovery = await checkOpening(fs, { records, damaged: false }, `${what} past the ${at}'s end`);
      if (at === "end") assert.is(recovery.tornBytes, torn - (torn > 0 && bytes.at(torn - 1) === 0 ? 1 : 0), what);
    }
  }
});

test("batches of an older epoch past the end never pass", async () => {
  const made = await make({ seal: "none" });
  // The very same offsets and records, written under another nonce.
  const other = await make({ seal: "none", batches: 10 });
  const foreign = other.fs.content(other.file);
  const fs = made.fs.copy();
  edit(fs, made.file, (content) => {
    foreign.copy(content, made.end, made.end, other.end);
    return content;
  });
  const recovery = await checkOpening(fs, { records: made.contents.records, damaged: false }, "stale batches");
  assert.is(recovery.tornBytes, other.end - made.end);
});

test("a valid batch of a later offset after a hole: damage, and it is kept", async () => {
  const made = await make({ seal: "none", batches: 12 });
  for (let from = 0; from < 11; from++) {
    for (const to of [from + 1, 11]) {
      const fs = made.fs.copy();
      const [first, next] = [made.contents.batches[from], made.contents.batches[to]];
      assert.ok(first !== undefined && next !== undefined);
      edit(fs, made.file, (content) => content.fill(0, first.byte, next.byte));
      const { records } = without(made, (batch) => batch.byte >= first.byte && batch.byte < next.byte);
      const recovery = await checkOpening(fs, { records, damaged: true }, `batches ${from} to ${to} zeroed`);
      const [damage] = recovery.damage;
      assert.equal([damage?.byte, damage?.from, damage?.to], [first.byte, from, to]);
    }
  }
});

test("two holes in one segment are two damages, and readers meet the same ranges", async () => {
  const made = await make({ seal: "end", batches: 12 });
  const fs = made.fs.copy();
  for (const index of [2, 7]) flipBit(fs, made.file, (made.contents.batches[index]?.byte ?? 0) + 33);
  const { records } = without(
    made,
    (batch) => batch === made.contents.batches[2] || batch === made.contents.batches[7],
  );
  const recovery = await checkOpening(fs, { records, damaged: true }, "two holes");
  const ranges = (damage: Contents["damage"]) => damage.map(({ from, to }) => [from, to]);
  assert.equal(ranges(recovery.damage as Contents["damage"]), [
    [2, 3],
    [7, 8],
  ]);
  assert.equal(ranges((await readAll(fs)).damage), [
    [2, 3],
    [7, 8],
  ]);
});

test("all batches zeroed: nothing proves them; with a seal after them, damage", async () => {
  for (const seal of ["none", "end"] as const) {
    const made = await make({ seal });
    const fs = made.fs.copy();
    const lastRecord = last(made.contents.batches.filter((batch) => batch.count > 0));
    edit(fs, made.file, (content) => content.fill(0, HEADER_BYTES, lastRecord.endByte));
    assert.is(without(made, all).records.size, 0);
    await checkOpening(fs, { records: new Map(), damaged: seal === "end" }, `seal ${seal}`);
  }
});

test.run();
