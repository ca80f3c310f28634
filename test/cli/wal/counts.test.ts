import { rmSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, bulky, flipByte, inDirectory, openLog, rotatedLog, segments, snapshot, wal } from "./harness.js";

interface CountsDocument {
  readonly readFrom: number;
  readonly end: number;
  readonly incomplete: boolean;
  readonly counters: readonly { readonly counter: string; readonly count: number }[];
}

test("counts: the whole log, and from a snapshot on; the highest first, then by name", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, [...bulky("b", 2), { counter: "a", n: 2 }, { counter: "z\u202e", n: 1_000_000_000 }]);
    const counts = async (...args: string[]) => {
      const { status, stdout } = await wal(directory, "counts", "--json", ...args);
      assert.is(status, 0);
      return JSON.parse(stdout) as CountsDocument;
    };
    const counters = [
      { counter: "z\u202e", count: 1_000_000_000 },
      { counter: "a", count: 2 },
      { counter: "b", count: 2 },
    ];
    assert.equal(await counts(), { readFrom: 0, end: 4, incomplete: false, counters });
    await snapshot(directory);
    await append(log, [{ counter: "b", n: 3 }]);
    assert.equal(await counts("--top", "2"), {
      readFrom: 4,
      end: 5,
      incomplete: false,
      counters: [counters[0], { counter: "b", count: 5 }],
    });
    const lines = (await wal(directory, "counts")).stdout.trimEnd().split("\n");
    assert.equal(lines, [
      "snapshot at offset 4; log read from 4 to 5; 1000000007 hits of 3 counters",
      "      HITS COUNTER",
      '1000000000 "z\\u202e"',
      "         5 b",
      "         2 a",
    ]);
    await log.close();
  });
});

test("counts: a damaged snapshot is skipped for the one before it", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, [{ counter: "a", n: 1 }]);
    await snapshot(directory);
    await append(log, [{ counter: "a", n: 10 }]);
    flipByte(await snapshot(directory), -8);
    await log.close();
    const { status, stdout, stderr } = await wal(directory, "counts", "--json");
    assert.is(status, 0);
    assert.match(stderr, "its totals fail their checksum");
    assert.equal(JSON.parse(stdout), {
      readFrom: 1,
      end: 2,
      incomplete: false,
      counters: [{ counter: "a", count: 11 }],
    });
  });
});

test("counts: damage makes them incomplete, also where only the snapshot remembers it", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(segments(directory)[0], 30_000);
    const before = await wal(directory, "counts", "--json");
    assert.match(before.stderr, "counts may be too low");
    const damage = [{ file: "x.log", byte: 1, from: 20, to: 40, expected: "a", found: "b" }];
    await snapshot(directory, { damage });
    const after = await wal(directory, "counts", "--json");
    assert.match(after.stderr, "x.log byte 1");
    for (const { stdout, status } of [before, after]) {
      const { incomplete, counters } = JSON.parse(stdout) as CountsDocument;
      assert.is(status, 0);
      assert.is(incomplete, true);
      assert.equal(counters, [
        { counter: "a", count: 200 },
        { counter: "b", count: 180 },
      ]);
    }
  });
});

test("counts: no snapshot and no log that goes back to the beginning: exit status 1", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    rmSync(segments(directory)[0] ?? "");
    const { status, stdout, stderr } = await wal(directory, "counts", "--json");
    assert.is(status, 1);
    assert.is(stdout, "");
    assert.match(stderr, /^wal counts: the totals are unknown: [^\n]+\n$/);
  });
});

test.run();
