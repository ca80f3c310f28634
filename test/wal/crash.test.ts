import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Log } from "../../src/wal/log.js";
import { append, type Contents, openLog, readAll } from "../support/log-files.js";
import type { Crash } from "../support/memory-disk.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { type OperationKind, type Outcome, systemError } from "../support/memory-handle.js";

/**
 * A crash explorer. A workload runs on the file system in memory; at every moment at which the power may go, the disk is
 * copied as it may be then, and the copy is read, opened, appended to, cut from power again and opened again.
 */

interface Progress {
  /** By content, which is unique: the offset at which it was acknowledged. */
  readonly acknowledged: Map<string, number>;
  readonly attempted: Set<string>;
}

async function track(log: Log, progress: Progress, records: readonly string[]): Promise<void> {
  for (const record of records) progress.attempted.add(record);
  const first = await append(log, records);
  for (const [index, record] of records.entries()) progress.acknowledged.set(record, first + index);
}

function check(contents: Contents, progress: Progress, when: string): void {
  assert.equal(contents.damage, [], `${when}: a crash is no damage`);
  const byContent = new Map([...contents.records].map(([offset, record]) => [record, offset]));
  assert.is(byContent.size, contents.records.size, `${when}: a record is there twice`);
  for (const [record, offset] of progress.acknowledged) {
    assert.is(byContent.get(record), offset, `${when}: acknowledged ${record.slice(0, 12)} is lost or elsewhere`);
  }
  for (const record of byContent.keys()) {
    assert.ok(progress.attempted.has(record), `${when}: ${record.slice(0, 12)} was never appended`);
  }
}

function checkKept(before: Contents, after: Contents, when: string): void {
  for (const [offset, record] of before.records) {
    assert.is(after.records.get(offset), record, `${when}: offset ${offset} was read once and is gone or changed`);
  }
}

/** Opens what the crash left, appends, crashes once more, opens again. */
async function survive(disk: MemoryFileSystem, progress: Progress, crash: Crash, when: string): Promise<void> {
  // Another process may read before anybody recovers.
  const early = await readAll(disk).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (early !== undefined) check(early, progress, `${when}, read before opening`);
  const highest =
    Math.max(-1, ...progress.acknowledged.values()) + progress.attempted.size - progress.acknowledged.size;

  const log = await openLog(disk);
  assert.equal(log.damage, [], `${when}: a crash is no damage`);
  const recovered = await readAll(disk);
  check(recovered, progress, when);
  if (early !== undefined) checkKept(early, recovered, when);
  const fresh = await append(log, ["fresh"]);
  assert.ok(fresh > highest, `${when}: offset ${fresh} may have been given out before (up to ${highest})`);

  const again = disk.crash(crash);
  disk.kill();
  const reopened = await openLog(again);
  const twice = await readAll(again);
  assert.equal(twice.damage, [], `${when}, then again`);
  checkKept(recovered, twice, `${when}, then again`);
  assert.is(twice.records.get(fresh), "fresh", `${when}, then again: the new record`);
  assert.is(twice.records.size, recovered.records.size + 1, `${when}, then again`);
  assert.ok(reopened.end > fresh);
  again.kill();
}

async function explore(durableWrites: boolean, workload: (fs: MemoryFileSystem, progress: Progress) => Promise<void>) {
  const fs = new MemoryFileSystem({ durableWrites });
  const progress: Progress = { acknowledged: new Map(), attempted: new Set() };
  let moments = 0;
  const failures: unknown[] = [];
  fs.moment = async (operation) => {
    moments++;
    const crashes: [Crash | "killed", Crash][] = [
      ["lost", { seed: moments + 1 }],
      ["kept", { seed: moments + 2 }],
      [{ seed: moments + 3 }, "lost"],
      [{ seed: moments + 4 }, "kept"],
      ["killed", "lost"],
    ];
    for (const [crash, then] of crashes) {
      const when = `moment ${moments} (${operation.kind} ${operation.path}), ${JSON.stringify(crash)}`;
      const disk = crash === "killed" ? fs.fork() : fs.crash(crash);
      await survive(disk, progress, then, when).catch((error) => failures.push(error));
    }
  };
  await workload(fs, progress);
  assert.ok(moments > 20, `${moments} moments`);
  if (failures.length > 0) throw failures[0];
}

const long = (name: string, bytes: number) => name.padEnd(bytes, ".");

for (const durableWrites of [true, false]) {
  const how = durableWrites ? "O_DSYNC" : "write and sync";

  test(`${how}: two openings, batches of many groups, a rotation, a close`, () =>
    explore(durableWrites, async (fs, progress) => {
      const first = await openLog(fs);
      await track(first, progress, ["a"]);
      await Promise.all([
        track(first, progress, ["b", "c"]),
        track(first, progress, [long("d", 3000)]),
        track(first, progress, ["e"]),
      ]);
      for (const name of ["f", "g", "h"]) await track(first, progress, [long(name, 25_000)]);
      await first.close();
      const second = await openLog(fs);
      await track(second, progress, ["i", "j"]);
      await second.close();
    }));

  test(`${how}: openings without a hit, and groups larger than a segment`, () =>
    explore(durableWrites, async (fs, progress) => {
      await (await openLog(fs)).close();
      await (await openLog(fs)).close();
      const log = await openLog(fs);
      await track(log, progress, [long("a", 70_000)]);
      await track(log, progress, ["b"]);
      await log.close();
      await (await openLog(fs)).close();
      await (await openLog(fs)).close();
    }));
}

const outcomes: [string, OperationKind, (length: number) => Outcome][] = [
  ["a sync that fails", "sync", () => ({ error: systemError("EIO") })],
  [
    "a write that fails with its pages in the cache",
    "write",
    (length) => ({ error: systemError("EIO"), short: length }),
  ],
  ["a write that fails half-way", "write", (length) => ({ error: systemError("EIO"), short: length >> 1 })],
  ["a short write", "write", (length) => ({ short: length >> 1 })],
  ["a rename that fails", "rename", () => ({ error: systemError("EIO") })],
  ["a sync of the directory that fails", "syncDirectory", () => ({ error: systemError("EIO") })],
];

for (const durableWrites of [true, false]) {
  for (const [name, kind, outcome] of outcomes) {
    test(`${name}, the first, the second, …, ${durableWrites ? "O_DSYNC" : "write and sync"}`, async () => {
      let nth = 1;
      for (let met = true; met; nth++) {
        met = false;
        const fs = new MemoryFileSystem({ durableWrites });
        const progress: Progress = { acknowledged: new Map(), attempted: new Set() };
        fs.onNth(kind, "", nth, (operation) => {
          met = true;
          return outcome(operation.bytes?.length ?? 0);
        });
        for (const round of ["a", "b"]) {
          const log = await openLog(fs).catch(() => undefined);
          for (let i = 0; i < 4 && log !== undefined; i++) {
            await track(log, progress, [long(`${round}${i}`, 15_000)]).catch(() => undefined);
          }
          await log?.close();
        }
        for (const crash of ["lost", "kept"] as const) {
          await survive(fs.fork(), progress, crash, `${name} ${nth}, ${crash}`);
          await survive(fs.crash(crash), progress, "lost", `${name} ${nth}, ${crash} at once`);
        }
      }
      assert.ok(nth > 2, "it was never met");
    });
  }
}

test.run();
