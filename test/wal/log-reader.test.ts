import { test } from "uvu";
import * as assert from "uvu/assert";
import { LogReader } from "../../src/wal/log-reader.js";
import {
  append,
  codeOf,
  DIRECTORY,
  directoryOn,
  noContents,
  openLog,
  readAll,
  readOn,
  segments,
} from "../support/log-files.js";
import { seeded } from "../support/memory-file.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { systemError } from "../support/memory-handle.js";

/** Following a log that is sound, wherever one begins and whatever its writer does meanwhile. */

const foreign = (fs: MemoryFileSystem, from?: number) => new LogReader({ directory: directoryOn(fs), from });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Makes file operations take one or several turns of the event loop, so that a reader and a writer interleave. */
function slowDown(fs: MemoryFileSystem, seed: number): void {
  const random = seeded(seed);
  fs.interfere(async () => {
    for (let turns = Math.floor(random() * 3); turns > 0; turns--) await turn();
    return undefined;
  });
}

for (const where of ["in the process", "in another process"] as const) {
  test(`follows a writer through batches, rotations and epochs, ${where}`, async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const fs = new MemoryFileSystem({ durableWrites: seed % 2 === 0 });
      slowDown(fs, seed);
      const acknowledged = new Map<number, string>();
      const outside = foreign(fs);
      const seen = noContents();
      for (let opening = 0; opening < 3; opening++) {
        const log = await openLog(fs);
        const reader = where === "in the process" ? log.reader(undefined) : outside;
        const contents = where === "in the process" ? noContents() : seen;
        let writing = true;
        const following = (async () => {
          while (writing) {
            await readOn(reader, contents);
            const shown = Math.max(-1, ...contents.records.keys());
            if (where === "in the process") assert.ok(shown < log.end, "nothing is shown before it is durable");
            await turn();
          }
        })();
        const random = seeded(seed * 100 + opening);
        for (let i = 0; i < 12; i++) {
          await Promise.all(
            Array.from({ length: 1 + Math.floor(random() * 4) }, async (_, j) => {
              const record = `${opening}.${i}.${j}`.padEnd(Math.floor(random() * 9000), ".");
              acknowledged.set(await append(log, [record]), record);
            }),
          );
        }
        writing = false;
        await following;
        await readOn(reader, contents);
        assert.equal(contents.damage, []);
        assert.equal(
          [...contents.records],
          [...acknowledged].sort(([a], [b]) => a - b),
          `seed ${seed}`,
        );
        await log.close();
        if (reader !== outside) await reader.close();
      }
      await outside.close();
    }
  });
}

test("from everywhere: at a batch, inside one, in the gap between epochs, at the end, and beyond it", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const first = await openLog(fs);
  await append(first, ["a", "b", "c"]);
  await append(first, ["d"]);
  for (let i = 0; i < 4; i++) await append(first, [`${i}`.padEnd(20_000, "x")]);
  await first.close();
  const second = await openLog(fs);
  const base = await append(second, ["e", "f"]);
  const all = (await readAll(fs)).records;
  const places = [0, 1, 2, 3, 4, 5, 7, 8, 9, 1000, base - 1, base, base + 1];
  for (const from of places) {
    for (const reader of [foreign(fs, from), second.reader(from)]) {
      const { records, damage } = await readOn(reader);
      const wanted = [...all.keys()].filter((offset) => offset >= from);
      const offsets = [...records.keys()];
      assert.equal(damage, []);
      assert.equal(
        offsets.filter((offset) => offset >= from),
        wanted,
        `from ${from}`,
      );
      // A batch is returned whole: what comes before is from the same batch.
      const inFront = offsets.filter((offset) => offset < from);
      assert.ok(inFront.length <= 2 && inFront.every((offset) => offset + 3 > from), `from ${from}`);
      await reader.close();
    }
  }
  for (const reader of [foreign(fs, base + 5), second.reader(base + 5)]) {
    assert.is((await readOn(reader)).records.size, 0);
    await append(second, ["g", "h", "i", "j", "k"].slice(0, 2));
    const { records } = await readOn(reader);
    assert.ok([...records.keys()].every((offset) => offset >= base + 4));
    await reader.close();
  }
  await second.close();
});

test("an empty directory has an end; so has one whose log begins later", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  await fs.makeDirectory(DIRECTORY);
  const reader = foreign(fs);
  assert.equal(await reader.next(), { end: { segment: undefined, byte: 0 } });
  const log = await openLog(fs);
  await append(log, ["a"]);
  assert.is((await readOn(reader)).records.get(0), "a");
  await reader.close();
  await log.close();
});

test("seals are returned, have no record, and prove all before them", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await append(log, ["a", "b"]);
  await log.close();
  const { batches } = await readAll(fs);
  assert.equal(
    batches.map((batch) => batch.count),
    [2, 0],
  );
});

test("retention overtakes a reader: OFFSET_GONE, for one that begins and for one that is under way", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  const underWay = foreign(fs);
  await append(log, ["a".repeat(20_000)]);
  const contents = await readOn(underWay);
  assert.is(contents.records.size, 1);
  for (let i = 0; i < 9; i++) await append(log, [`${i}`.padEnd(20_000, "b")]);
  await turn();
  const removed = await log.applyRetention({ ms: Number.POSITIVE_INFINITY, bytes: 0 }, log.end);
  assert.is(removed.length, 3);
  const first = log.status().start;
  assert.ok(first > 0);
  assert.is(await codeOf(readOn(foreign(fs, 0))), "OFFSET_GONE");
  assert.is(await codeOf(readOn(foreign(fs, first - 1))), "OFFSET_GONE");
  assert.is(await codeOf(readOn(log.reader(0))), "OFFSET_GONE");
  assert.is(await codeOf(readOn(underWay)), "OFFSET_GONE");
  assert.is(await codeOf(readOn(foreign(fs, first))), "done");
  assert.is([...(await readAll(fs)).records.keys()][0], first, "the oldest there is");
  await log.close();
});

test("an empty segment that an opening removes under a reader is nothing gone", async () => {
  for (const before of [[], ["a"]]) {
    const fs = new MemoryFileSystem({ durableWrites: true });
    const first = await openLog(fs);
    if (before.length > 0) await append(first, before);
    await first.close();
    await (await openLog(fs)).close();
    const reader = foreign(fs);
    const contents = await readOn(reader);
    const next = await openLog(fs);
    await append(next, ["b"]);
    await next.close();
    await readOn(reader, contents);
    assert.equal([[...contents.records.values()], contents.damage], [[...before, "b"], []]);
    await reader.close();
  }
});

test("an empty oldest segment that an opening removes between the listing and the look at it is nothing missing", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  // Two starts that were killed before their first hit.
  await openLog(fs);
  const killed = fs.kill();
  killed.interfere(({ kind, path }) => {
    return kind === "unlink" && path.endsWith(".log") ? { error: systemError("EIO") } : undefined;
  });
  await openLog(killed);
  const left = killed.kill();
  const [, second = ""] = segments(left);
  assert.is(segments(left).length, 2);
  left.remove(segments(left)[0] ?? "");
  await append(await openLog(left), ["a"]);
  left.put(second, Buffer.alloc(4096));
  left.onNth("open", second, 1, () => {
    left.remove(second);
    return undefined;
  });
  const contents = await readAll(left, 0);
  assert.equal([[...contents.records.values()], contents.damage], [["a"], []]);
});

test.run();
