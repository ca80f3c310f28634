import { test } from "uvu";
import * as assert from "uvu/assert";
import { LogReader } from "../../src/wal/log-reader.js";
import {
  append,
  appendEach,
  directoryOn,
  last,
  openLog,
  readAll,
  readOn,
  SMALL_SEGMENT,
  segmentPath,
} from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

/** A reader in another process: it sees the files in every state that their writer brings them through. */

const foreign = (fs: MemoryFileSystem) => new LogReader({ directory: directoryOn(fs), from: undefined });
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a batch that is only partly there yet: the end, not a loop and not a skip; then it is read", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await appendEach(log, ["a", "bb", "c".repeat(600)]);
  const whole = fs.kill().copy();
  const { batches } = await readAll(whole);
  const torn = last(batches);
  const content = whole.content(segmentPath(0));
  for (let bytes = 0; bytes < torn.endByte - torn.byte; bytes += bytes < 40 ? 1 : 97) {
    const now = whole.copy();
    const partial = Buffer.from(content);
    partial.fill(0, torn.byte + bytes);
    now.put(segmentPath(0), partial);
    const reader = foreign(now);
    const contents = await readOn(reader);
    // More often than the reader searches after invalid bytes.
    for (let i = 0; i < 130; i++) await readOn(reader, contents);
    assert.equal([...contents.records.keys()], [0, 1], `${bytes} bytes`);
    const file = await now.open(segmentPath(0), "update");
    await file.write(content, torn.byte + bytes, torn.endByte - torn.byte - bytes, torn.byte + bytes);
    await readOn(reader, contents);
    assert.equal([[...contents.records.keys()], contents.damage], [[0, 1, 2], []], `${bytes} bytes`);
    await reader.close();
  }
});

test("batches written while a reader searches past the end are not damage", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs, { segmentBytes: 8 * 1024 * 1024 });
  await append(log, ["a"]);
  await turn();
  const reader = foreign(fs);
  fs.onNth("size", ".log", 1, async () => {
    // Longer than what a reader reads at once, so that it meets the second batch in a later state of the file.
    await append(log, ["b".repeat(1_500_000)]);
    await append(log, ["c"]);
    return undefined;
  });
  const { records, damage } = await readOn(reader);
  assert.equal([[...records.keys()], damage], [[0, 1, 2], []]);
  await reader.close();
  await log.close();
});

test("a segment that its writer closes and cuts while a reader looks at its size is not cut short", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await append(log, ["a"]);
  await turn();
  const reader = foreign(fs);
  fs.onNth("size", segmentPath(0), 1, async () => {
    for (let i = 0; i < 4; i++) await append(log, [`${i}`.padEnd(20_000, "b")]);
    while (fs.content(segmentPath(0)).length === SMALL_SEGMENT) await turn();
    return undefined;
  });
  const { records, damage } = await readOn(reader);
  assert.equal([[...records.keys()], damage], [[0, 1, 2, 3, 4], []]);
  await reader.close();
  await log.close();
});

test("another process: what it hands out is durable by then, though the writer had not got so far", async () => {
  const fs = new MemoryFileSystem({ durableWrites: false });
  const log = await openLog(fs);
  await append(log, ["a"]);
  let disk: MemoryFileSystem | undefined;
  // The writer has written and is about to sync; it may be killed there.
  fs.onNth("sync", ".log", 1, async () => {
    const reader = foreign(fs);
    const contents = await readOn(reader);
    assert.equal([...contents.records.values()], ["a", "b"]);
    disk = fs.crash("lost");
    await reader.close();
    return undefined;
  });
  await append(log, ["b"]);
  await log.close();
  if (disk === undefined) throw new Error("never met");
  assert.equal([...(await readAll(disk)).records.values()], ["a", "b"]);
});

test("another process: each read is followed by a sync before anything of it is handed out", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await appendEach(log, ["a", "b", "c"]);
  await log.close();
  let unsynced = 0;
  fs.interfere((operation) => {
    if (operation.kind === "read" && operation.position !== 0) unsynced++;
    if (operation.kind === "sync") unsynced = 0;
    return undefined;
  });
  const reader = foreign(fs);
  for (;;) {
    const step = await reader.next();
    if ("end" in step) break;
    assert.is(unsynced, 0);
  }
  await reader.close();
});

test.run();
