import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEADER_BYTES, type SegmentHeader } from "../../src/wal/format.js";
import { LogDirectory } from "../../src/wal/log-directory.js";
import { readSegmentHeader } from "../../src/wal/segment-header.js";
import { segmentBases } from "../../src/wal/segment-name.js";
import {
  append,
  DIRECTORY,
  directoryOn,
  openLog,
  readAll,
  SMALL_SEGMENT,
  segmentPath,
  segments,
} from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

const big = (name: string) => name.padEnd(25_000, "-");

async function headers(fs: MemoryFileSystem): Promise<SegmentHeader[]> {
  const found: SegmentHeader[] = [];
  for (const base of segmentBases(fs.names(DIRECTORY))) {
    const decoded = await readSegmentHeader(directoryOn(fs), base);
    if ("invalid" in decoded) throw new Error(decoded.invalid.found);
    found.push(decoded.header);
  }
  return found;
}

test("many segments: cut to their end, each header naming the one before and where it ends", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  for (let opening = 0; opening < 3; opening++) {
    const log = await openLog(fs);
    for (let i = 0; i < 9; i++) await append(log, [big(`${opening}.${i}`), "x"]);
    await log.close();
  }
  const { batches, records, damage } = await readAll(fs);
  assert.is(records.size, 54);
  assert.equal(damage, []);
  const chain = await headers(fs);
  assert.ok(chain.length >= 12, `${chain.length} segments`);
  assert.is(chain[0]?.previous, undefined);
  for (const [index, header] of chain.entries()) {
    const before = chain[index - 1];
    if (before === undefined) continue;
    const lastBatch = batches.filter((batch) => batch.segment === before.baseOffset).at(-1);
    assert.is(header.previous?.baseOffset, before.baseOffset);
    assert.is(header.previous?.endByte, lastBatch?.endByte);
    assert.is(fs.content(segmentPath(before.baseOffset)).length, lastBatch?.endByte, "cut");
    if (header.epoch === before.epoch) assert.is(header.previous?.endOffset, header.baseOffset);
    else assert.ok((header.previous?.endOffset ?? 0) < header.baseOffset);
  }
});

test("openings without a hit leave one empty segment, not one each, and the chain passes over them", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  for (let i = 0; i < 3; i++) await (await openLog(fs)).close();
  assert.is(segments(fs).length, 1);
  const log = await openLog(fs);
  await append(log, ["a"]);
  await log.close();
  for (let i = 0; i < 3; i++) await (await openLog(fs)).close();
  assert.is(segments(fs).length, 2);
  const { records, damage } = await readAll(fs);
  assert.equal([[...records.values()], damage], [["a"], []]);
});

test("what interrupted openings left is skipped by readers, and removed by the next opening", async () => {
  for (const before of [[], ["a"]]) {
    const fs = new MemoryFileSystem({ durableWrites: true });
    const log = await openLog(fs);
    if (before.length > 0) await append(log, before);
    await log.close();
    // Two openings that never come to remove an empty segment.
    const stop = fs.interfere((operation) =>
      operation.kind === "unlink" && operation.path.endsWith(".log") ? { error: new Error("killed") } : undefined,
    );
    await (await openLog(fs)).close();
    await (await openLog(fs)).close();
    stop();
    const left = segments(fs).length;
    assert.ok(left >= 3 - (before.length === 0 ? 0 : 1), `${left}`);
    const met = await readAll(fs);
    assert.equal([[...met.records.values()], met.damage], [before, []], "read over what is left");

    const next = await openLog(fs);
    await append(next, ["b"]);
    await next.close();
    const { records, damage } = await readAll(fs);
    assert.equal([[...records.values()], damage], [[...before, "b"], []]);
    assert.ok(segments(fs).length < left, "removed");
  }
});

test("header, rename and directory are durable, in this order, before the first batch in a segment", async () => {
  for (const durableWrites of [true, false]) {
    const fs = new MemoryFileSystem({ durableWrites });
    const log = await openLog(fs);
    for (let i = 0; i < 6; i++) await append(log, [big(`${i}`)]);
    await log.close();
    let seen = 0;
    for (const [at, done] of fs.record.entries()) {
      if (done.kind !== "rename" || done.to?.endsWith(".log") !== true) continue;
      seen++;
      const file = done.to;
      const before = fs.record.slice(0, at).filter((other) => other.path === done.path);
      const [write, sync] = before.slice(-2);
      assert.equal(
        [write?.kind, write?.position, write?.bytes?.length, sync?.kind],
        ["write", 0, HEADER_BYTES, "sync"],
      );
      const after = fs.record.slice(at + 1);
      const directory = after.findIndex((other) => other.kind === "syncDirectory" && other.path === DIRECTORY);
      const batch = after.findIndex((other) => other.kind === "write" && other.path === file);
      assert.ok(directory !== -1 && batch > directory, file);
    }
    assert.is(seen, 3);
  }
});

test("a closed segment is cut only once the next one's name is durable", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  for (let i = 0; i < 6; i++) await append(log, [big(`${i}`)]);
  await log.close();
  const kinds = fs.record.filter((done) => done.kind === "truncate" || done.kind === "syncDirectory");
  let syncs = 0;
  let cuts = 0;
  for (const done of kinds) {
    if (done.kind === "syncDirectory") {
      if (done.path === DIRECTORY) syncs++;
    } else assert.ok(++cuts < syncs, `cut ${cuts} after ${syncs} syncs of the directory`);
  }
  assert.is(cuts, 2);
});

test("writes into a segment change no size: it was prepared whole", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await append(log, ["a"]);
  assert.is(fs.content(segmentPath(0)).length, SMALL_SEGMENT);
  await append(log, [big("b")]);
  assert.is(fs.content(segmentPath(0)).length, SMALL_SEGMENT);
  assert.is(log.status().bytes, SMALL_SEGMENT);
  await log.close();
});

test("the directory and those above it are created, and their names durable before the first acknowledgement", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const directory = "/srv/hits/wal";
  const log = await openLog(fs, { directory: new LogDirectory(directory, fs) });
  await append(log, ["a"]);
  const disk = fs.crash("lost");
  assert.is(disk.names(directory).filter((name) => name.endsWith(".log")).length, 1);
  await log.close();
});

test("a directory that a killed process created, but did not make durable, is made so", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  await fs.makeDirectory(DIRECTORY);
  const log = await openLog(fs);
  await append(log, ["a"]);
  assert.is((await readAll(fs.crash("lost"))).records.size, 1);
  await log.close();
});

test("status counts segments and bytes through openings and rotations", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const bytes = () => segments(fs).reduce((sum, file) => sum + fs.content(file).length, 0);
  for (let opening = 0; opening < 3; opening++) {
    const log = await openLog(fs);
    for (let i = 0; i < 5; i++) await append(log, [big(`${i}`)]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const status = log.status();
    assert.equal([status.segments, status.bytes, status.start], [segments(fs).length, bytes(), 0]);
    assert.is(status.end, log.end);
    await log.close();
  }
});

test("directories that a start had created when it was killed are made durable by the next one", async () => {
  for (let killedAt = 1; killedAt <= 4; killedAt++) {
    const fs = new MemoryFileSystem({ durableWrites: true });
    const directory = "/a/b/log";
    let [done, died] = [0, () => {}];
    const death = new Promise<void>((resolve) => {
      died = resolve;
    });
    let killed: MemoryFileSystem | undefined;
    fs.moment = () => {
      if (++done !== killedAt) return;
      killed = fs.kill();
      died();
    };
    await Promise.race([openLog(fs, { directory: new LogDirectory(directory, fs) }), death]);
    assert.ok(killed);
    const log = await openLog(killed ?? fs, { directory: new LogDirectory(directory, killed ?? fs) });
    await append(log, ["kept"]);
    assert.is((killed ?? fs).crash("lost").names(directory).length, 1, `killed at operation ${killedAt}`);
  }
});

test.run();
