import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HitsError } from "../../src/errors.js";
import { append, codeOf, openLog, readAll } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { type OperationKind, type Outcome, systemError } from "../support/memory-handle.js";

/** The first failed or short write of a batch is final for its writer. */

const ways: [string, boolean, OperationKind, (length: number) => Outcome][] = [
  ["EIO", true, "write", () => ({ error: systemError("EIO") })],
  ["ENOSPC", true, "write", () => ({ error: systemError("ENOSPC") })],
  ["a short write", true, "write", (length) => ({ short: length - 1 })],
  ["a write of nothing", true, "write", () => ({ short: 0 })],
  ["EIO, write and sync", false, "write", () => ({ error: systemError("EIO") })],
  ["a short write, write and sync", false, "write", (length) => ({ short: length >> 1 })],
  ["a failed sync", false, "sync", () => ({ error: systemError("EIO") })],
];

for (const [name, durableWrites, kind, outcome] of ways) {
  test(`${name}: its waiters and all later ones get LOG_FAILED, told once, nothing more is written`, async () => {
    const fs = new MemoryFileSystem({ durableWrites });
    const failures: HitsError[] = [];
    const log = await openLog(fs, { onFailure: (error) => failures.push(error) });
    await append(log, ["a"]);
    // What comes while the failing write is under way was waiting: its fate is that of the batch.
    const late: Promise<string>[] = [];
    fs.onNth(kind, ".log", 1, async (operation) => {
      late.push(codeOf(append(log, ["c"])), codeOf(append(log, ["d"])));
      await new Promise((resolve) => setImmediate(resolve));
      return outcome(operation.bytes?.length ?? 0);
    });
    const waiting = [codeOf(append(log, ["b1"])), codeOf(append(log, ["b2"]))];
    assert.equal(await Promise.all(waiting), ["LOG_FAILED", "LOG_FAILED"]);
    assert.equal(await Promise.all(late), ["LOG_FAILED", "LOG_FAILED"]);
    const writes = fs.record.filter((done) => done.kind === "write" && done.path.endsWith(".log")).length;

    assert.is(await codeOf(append(log, ["e"])), "LOG_FAILED");
    assert.is(log.refusal(1)?.code, "LOG_FAILED");
    assert.is(log.end, 1, "the durable end stays");
    assert.is(log.queuedBytes, 0);
    const reader = log.reader(undefined);
    const step = await reader.next();
    assert.ok("batch" in step && step.batch.endOffset === 1);
    assert.ok("end" in (await reader.next()), "what failed is not shown");
    await reader.close();
    await log.close();
    assert.is(failures.length, 1);
    const after = fs.record.filter((done) => done.kind === "write" && done.path.endsWith(".log")).length;
    assert.is(after, writes, "no seal vouches for what failed");

    const next = await openLog(fs.kill());
    assert.equal(next.damage, []);
    await next.close();
  });
}

const activation: [string, OperationKind, string][] = [
  ["the header's write", "write", "prepared.tmp"],
  ["the header's sync", "sync", "prepared.tmp"],
  ["the rename", "rename", "prepared.tmp"],
  ["the sync of the directory", "syncDirectory", "/log"],
  ["opening it again", "open", ".log"],
];

for (const [name, kind, end] of activation) {
  test(`making a segment the next one fails at ${name}: LOG_FAILED, and nothing acknowledged is lost`, async () => {
    const fs = new MemoryFileSystem({ durableWrites: true });
    const failures: HitsError[] = [];
    const log = await openLog(fs, { onFailure: (error) => failures.push(error) });
    const acknowledged: string[] = [];
    for (let i = 0; i < 3; i++) {
      await append(log, [`${i}`.padEnd(18_000, "z")]);
      acknowledged.push(`${i}`);
    }
    // Let the next one be prepared first: from here on only making it the next one can fail.
    while (!fs.names("/log").includes("prepared.tmp")) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    fs.onNth(kind, end, 1, () => ({ error: systemError("EIO") }));
    assert.is(await codeOf(append(log, ["3".padEnd(18_000, "z")])), "LOG_FAILED");
    assert.is(failures.length, 1);
    await log.close();
    for (const disk of [fs.kill(), fs.crash("lost"), fs.crash("kept")]) {
      const next = await openLog(disk);
      const { records, damage } = await readAll(disk);
      assert.equal(
        [...records.values()].map((record) => record.slice(0, 1)),
        acknowledged,
      );
      assert.equal([damage, next.damage], [[], []]);
      await append(next, ["on"]);
      await next.close();
    }
  });
}

for (const [name, kind, end] of activation) {
  test(`an opening fails at ${name}: LOG_FAILED, the lock is given back, and the next one succeeds`, async () => {
    const fs = new MemoryFileSystem({ durableWrites: true });
    const first = await openLog(fs);
    await append(first, ["a"]);
    await first.close();
    let released = 0;
    const lock = async () => ({
      release: async () => {
        released++;
      },
    });
    // Preparing the file writes and syncs it once; reading the last segment and writing it once more opens that thrice.
    const nth = kind === "open" ? 4 : kind === "write" || kind === "sync" ? 2 : 1;
    fs.onNth(kind, end, nth, () => ({ error: systemError("EIO") }));
    assert.is(await codeOf(openLog(fs, { lock })), "LOG_FAILED");
    assert.is(released, 1);
    const next = await openLog(fs);
    await append(next, ["b"]);
    await next.close();
    assert.equal([...(await readAll(fs)).records.values()], ["a", "b"]);
  });
}

test.run();
