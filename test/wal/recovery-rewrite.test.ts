import { test } from "uvu";
import * as assert from "uvu/assert";
import { BATCH_HEADER_BYTES, EPOCH_GAP, HEADER_BYTES } from "../../src/wal/format.js";
import { append, appendEach, last, openLog, readAll, segmentPath } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { type Operation, systemError } from "../support/memory-handle.js";

/** What an opening writes into the files of the last writer, and what epochs it begins. */

/** Operations on a segment from some moment on, up to the trim that comes once the next segment is durable. */
function doneTo(fs: MemoryFileSystem, file: string): Operation[] {
  return fs.record.filter((done) => done.path === file && (done.kind === "write" || done.kind === "sync"));
}

test("unclean: what no seal proves is written again, byte for byte, and synced, before anything else", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await appendEach(log, ["a", "bb", "ccc"]);
  const killed = fs.kill();
  const whole = killed.content(segmentPath(0));
  const { batches } = await readAll(killed);
  const next = await openLog(killed);
  const [write, sync] = doneTo(killed, segmentPath(0)).slice(-2);
  const end = last(batches).endByte;
  assert.is(write?.position, HEADER_BYTES);
  assert.ok(write?.bytes?.equals(whole.subarray(HEADER_BYTES, end)));
  assert.is(sync?.kind, "sync");
  const rename = killed.record.findIndex((done) => done.kind === "rename");
  assert.ok(killed.record.indexOf(sync as Operation) < rename, "before the next segment is there");
  await next.close();
});

test("clean: only the seal, which nothing proves, is written again", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await appendEach(log, ["a", "bb", "ccc"]);
  await log.close();
  const copy = fs.copy();
  const { batches } = await readAll(copy);
  const seal = last(batches);
  const next = await openLog(copy);
  const writes = doneTo(copy, segmentPath(0)).filter((done) => done.kind === "write");
  assert.is(writes.length, 1);
  assert.is(writes[0]?.position, seal.byte);
  assert.is(writes[0]?.bytes?.length, BATCH_HEADER_BYTES);
  await next.close();
});

test("a batch whose sync failed reads fine from the page cache: once an opening has shown it, it is durable", async () => {
  const fs = new MemoryFileSystem({ durableWrites: false });
  const log = await openLog(fs, { onFailure: () => undefined });
  await append(log, ["a"]);
  fs.onNth("sync", ".log", 1, () => ({ error: systemError("EIO") }));
  const failed = await append(log, ["bravo"]).catch((error: { code: string }) => error.code);
  assert.is(failed, "LOG_FAILED");
  const restarted = fs.kill();
  assert.is(restarted.crash("kept").content(segmentPath(0)).includes("bravo"), false, "the disk doesn't have it");
  const second = await openLog(restarted);
  const shown = await readAll(restarted);
  assert.equal([...shown.records.values()], ["a", "bravo"]);
  const disk = restarted.crash("lost");
  restarted.kill();
  assert.equal([...(await readAll(disk)).records.values()], ["a", "bravo"]);
  assert.ok(second.end > 1);
});

test("a seal whose sync failed: its loss later on is no damage either", async () => {
  const fs = new MemoryFileSystem({ durableWrites: false });
  const log = await openLog(fs);
  await append(log, ["a"]);
  fs.onNth("sync", ".log", 1, () => ({ error: systemError("EIO") }));
  await log.close();
  const restarted = fs.kill();
  const second = await openLog(restarted);
  await append(second, ["b"]);
  const disk = restarted.crash("lost");
  restarted.kill();
  const contents = await readAll(disk);
  assert.equal([...contents.records.values()], ["a", "b"]);
  assert.equal(contents.damage, []);
});

test("an opening that can't make durable what it found refuses: LOG_FAILED", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  await append(await openLog(fs), ["a"]);
  const killed = fs.kill();
  killed.onNth("sync", ".log", 1, () => ({ error: systemError("EIO") }));
  const refused = await openLog(killed).catch((error: { code: string }) => error.code);
  assert.is(refused, "LOG_FAILED");
});

test("each opening: the next epoch, another nonce, past everything known plus a gap", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const nonces = new Set<string>();
  let end = 0;
  for (let opening = 1; opening <= 6; opening++) {
    const log = await openLog(fs);
    assert.is(log.epoch, opening);
    nonces.add(log.nonce);
    if (opening > 1) assert.ok(log.recovery.baseOffset >= end + EPOCH_GAP);
    end = log.recovery.baseOffset;
    // Some without a hit.
    if (opening % 3 !== 0) end = 1 + (await append(log, [`${opening}`, "x"])) + 1;
    assert.is(log.end, end);
    await log.close();
  }
  assert.is(nonces.size, 6);
  assert.ok(EPOCH_GAP > 2 ** 20 - 1);
});

test("a snapshot's offset and epoch push the next epoch on", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const first = await openLog(fs);
  await append(first, ["a"]);
  await first.close();
  const witnesses = [{ source: "a snapshot", logId: first.id, offset: 5e9, epoch: 40 }];
  const log = await openLog(fs, { witnesses });
  assert.is(log.epoch, 41);
  assert.ok((await append(log, ["b"])) >= 5e9 + EPOCH_GAP);
  await log.close();
});

test.run();
