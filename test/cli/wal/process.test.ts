import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { writeSnapshot } from "../../../src/projection/snapshot/snapshot.js";
import { Totals } from "../../../src/projection/totals.js";
import type { Log } from "../../../src/wal/log.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import {
  append,
  appendRaw,
  bulky,
  ended,
  inDirectory,
  jsonLines,
  openLog,
  rotatedLog,
  segments,
  startWal,
  until,
  wal,
} from "./harness.js";

test("exit statuses of a real process", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [sound, usage, nowhere] = await Promise.all([
      ended(startWal(directory, ["verify"])),
      ended(startWal(directory, ["nope"])),
      ended(startWal(directory, ["ls", "--dir", `${directory}/nowhere`])),
    ]);
    assert.is(sound.status, 0, sound.stderr);
    assert.match(sound.stdout, /^sound/);
    assert.is(usage.status, 64);
    assert.is(nowhere.status, 1);
    assert.match(nowhere.stderr, /^wal ls: [^\n]+\n$/);
  });
});

test("the reader exits: it ends quietly", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory, 8 * 1024 * 1024);
    for (let batch = 0; batch < 5; batch++) await append(log, bulky("a", 1000));
    await log.close();
    const child = startWal(directory, ["cat"]);
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const status = new Promise((resolve) => child.on("close", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.stdout.destroy();
    assert.is(await status, 0);
    assert.is(stderr, "");
  });
});

test("cat --follow: waits for a log, shows each record once and in order over rotations and restarts, ends on Ctrl-C", async () => {
  await inDirectory(async (parent) => {
    const directory = `${parent}/not/yet`;
    const child = startWal(directory, ["cat", "--follow"]);
    const shown: number[] = [];
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    createInterface(child.stdout).on("line", (line) => shown.push((JSON.parse(line) as { offset: number }).offset));
    const status = new Promise((resolve) => child.on("close", resolve));
    await until(() => stderr.includes("waiting for one"), "the command to wait");
    const written: number[] = [];
    // An opening without a hit leaves an empty segment, which the next one removes under the reader.
    await (await openLog(directory)).close();
    for (let opening = 0; opening < 3; opening++) {
      const log = await openLog(directory);
      for (let batch = 0; batch < 40; batch++) {
        const count = 1 + ((batch * 7) % 30);
        const first = await append(log, bulky("a", count));
        for (let offset = first; offset < first + count; offset++) written.push(offset);
        if (batch % 10 === 9) await until(() => shown.length === written.length, `${written.length} records`);
      }
      await log.close();
    }
    await until(() => shown.length >= written.length, "the last record");
    child.kill("SIGINT");
    assert.is(await status, 0);
    assert.equal(shown, written);
    assert.ok(segments(directory).length > 20);
    assert.match(stderr, /^no log in \S+ yet: waiting for one\n$/);
  });
});

test("cat --follow --to ends at its offset", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    const child = ended(startWal(directory, ["cat", "-f", "--from", "1", "--to", "3"]));
    for (let hit = 0; hit < 4; hit++) await append(log, [{ counter: "a", n: 1 }]);
    const { status, stdout } = await child;
    assert.is(status, 0);
    assert.equal(
      jsonLines<{ offset: number }>(stdout).map(({ offset }) => offset),
      [1, 2],
    );
    await log.close();
  });
});

test("a live log looks sound and whole all the time, with segments that come and go", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, bulky("a", 1));
    let isDone = false;
    let hits = 1;
    const writer = (async () => {
      let movedAt = performance.now();
      for (let round = 0; !isDone; round++) {
        await append(log, bulky("a", 1 + (round % 40)));
        hits += 1 + (round % 40);
        if (performance.now() - movedAt < 500) continue;
        await moveOn(directory, log, hits);
        movedAt = performance.now();
      }
    })();
    try {
      for (let look = 0; look < 8; look++) {
        const before = hits;
        const [verified, counted, listed, status] = await Promise.all([
          wal(directory, "verify"),
          wal(directory, "counts", "--json"),
          wal(directory, "ls"),
          wal(directory, "status", "--json"),
        ]);
        assert.match(verified.stdout, /^sound \(/, `${verified.stdout}${verified.stderr}`);
        const counts = JSON.parse(counted.stdout) as { incomplete: boolean; counters: { count: number }[] };
        assert.is(counts.incomplete, false);
        assert.ok((counts.counters[0]?.count ?? 0) >= before);
        for (const { status: exit, stderr } of [verified, counted, listed, status]) {
          assert.is(stderr, "");
          assert.is(exit, 0);
        }
      }
    } finally {
      isDone = true;
      await writer;
      await log.close();
    }
    const counts = JSON.parse((await wal(directory, "counts", "--json")).stdout) as { counters: { count: number }[] };
    assert.is(counts.counters[0]?.count, hits);
  });
});

/** Does what a server does now and then: writes a snapshot of so many hits of `a`, and removes what is older. */
async function moveOn(directory: string, log: Log, hits: number): Promise<void> {
  const totals = new Totals();
  totals.add(totals.indexOf("a"), hits);
  const { id: logId, epoch, nonce, end: offset } = log;
  const facts = { logId, epoch, nonce, offset, created: new Date().toISOString(), asOf: null, damage: [] };
  await writeSnapshot(new LogDirectory(directory), { facts, image: totals.image() });
  await log.applyRetention({ ms: 0, bytes: 0 }, offset);
}

test("a record that this version does not know stops cat with exit status 1", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, [{ counter: "a", n: 1 }]);
    await appendRaw(log, Buffer.from([2, 0, 1, 97]));
    await log.close();
    const { status, stdout, stderr } = await ended(startWal(directory, ["cat"]));
    assert.is(status, 1);
    assert.is(jsonLines(stdout).length, 1);
    assert.match(stderr, /^wal cat: .*type 2.*\n$/);
  });
});

test.run();
