import { rmSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flipByte, inDirectory, jsonLines, openLog, rotatedLog, SEGMENT_BYTES, segments, wal } from "./harness.js";

interface Row {
  readonly baseOffset: number;
  readonly records: number;
  readonly bytes: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly epoch: number | null;
  readonly state: string;
}

test("ls: a segment a line", async () => {
  await inDirectory(async (directory) => {
    const started = Date.now();
    await rotatedLog(directory);
    const reopened = await openLog(directory);
    const { stdout, status } = await wal(directory, "ls", "--json");
    const rows = jsonLines<Row>(stdout);
    assert.is(status, 0);
    assert.ok(rows.length > 3);
    assert.is(rows.length, segments(directory).length);
    assert.is(
      rows.reduce((sum, row) => sum + row.records, 0),
      400,
    );
    for (const row of rows.slice(0, -1)) {
      assert.is(row.state, "closed");
      assert.is(row.epoch, 1);
      assert.ok(Date.parse(row.first ?? "") >= started && Date.parse(row.last ?? "") >= Date.parse(row.first ?? ""));
      assert.ok(row.bytes <= SEGMENT_BYTES);
    }
    const newest = rows.at(-1);
    assert.equal(
      { ...newest, file: "", baseOffset: 0 },
      {
        file: "",
        baseOffset: 0,
        records: 0,
        bytes: SEGMENT_BYTES,
        first: null,
        last: null,
        epoch: 2,
        state: "active",
      },
    );
    const lines = (await wal(directory, "ls")).stdout.trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^BASE OFFSET +RECORDS +SIZE +FIRST +LAST +EPOCH +STATE$/);
    assert.match(lines[1] ?? "", /^ +0 +\d+ +[\d.]+ KiB {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}\S+Z +1 {2}closed$/);
    assert.is(lines.length, rows.length + 1);
    await reopened.close();
  });
});

test("ls: damage shows in the state, and a segment that is gone is missing", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [first, second] = segments(directory);
    flipByte(first, 6000);
    rmSync(second ?? "");
    const { status, stdout, stderr } = await wal(directory, "ls", "--json");
    assert.is(status, 0);
    const states = jsonLines<Row>(stdout).map(({ state }) => state);
    assert.equal(states.slice(0, 2), ["damaged", "missing"]);
    assert.ok(states.slice(2, -1).every((state) => state === "closed"));
    assert.match(stderr, "damage: 00000000000000000000.log byte 4096");
    assert.match(stderr, `${path.basename(second ?? "?")} byte 0`);
  });
});

test.run();
