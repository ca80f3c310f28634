import { rmSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, flipByte, inDirectory, jsonLines, openLog, rotatedLog, segments, wal } from "./harness.js";

test("cat: the fields in order, each where it is there", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    const at = Date.UTC(2015, 4, 17, 10, 5, 3, 7);
    await append(log, [
      { counter: "home", n: 1, at },
      { counter: "é\u202e\u2028", n: 5, at, id: 'k"1', payload: '{"big":12345678901234567890,"c":"\u009b"}' },
      { counter: "home", n: 1, at, payload: '{\n"a": 1}' },
      { counter: "home", n: 1, at, payload: "no JSON\n" },
      { counter: "home", n: 1 },
    ]);
    await log.close();
    const { status, stdout, stderr } = await wal(directory, "cat");
    assert.is(status, 0);
    assert.is(stderr, "");
    const lines = stdout.trimEnd().split("\n");
    const time = "2015-05-17T10:05:03.007Z";
    assert.equal(lines.slice(0, 4), [
      `{"offset":0,"at":"${time}","counter":"home"}`,
      `{"offset":1,"at":"${time}","counter":"é\\u202e\\u2028","n":5,"id":"k\\"1","payload":{"big":12345678901234567890,"c":"\\u009b"}}`,
      `{"offset":2,"at":"${time}","counter":"home","payload":{ "a": 1}}`,
      `{"offset":3,"at":"${time}","counter":"home","payload":"no JSON\\n"}`,
    ]);
    const last = JSON.parse(lines[4] ?? "") as { at: string };
    assert.ok(Math.abs(Date.parse(last.at) - Date.now()) < 60_000);
    assert.is((await wal(directory, "cat", "--json")).stdout, stdout);
  });
});

test("cat: --from, --to and --counter", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const offsets = async (...args: string[]) => {
      const { status, stdout } = await wal(directory, "cat", ...args);
      assert.is(status, 0);
      return jsonLines<{ offset: number }>(stdout).map(({ offset }) => offset);
    };
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
    assert.equal(await offsets(), range(0, 400));
    assert.equal(await offsets("--from", "0"), range(0, 400));
    assert.equal(await offsets("--from", "105", "--to", "305"), range(105, 305));
    assert.equal(await offsets("--from", "7", "--to", "7"), []);
    assert.equal(await offsets("--from", "400"), []);
    assert.equal(await offsets("--from", "5000"), []);
    assert.equal(await offsets("--to", "1"), [0]);
    assert.equal(await offsets("--counter", "b", "--to", "60"), range(20, 40));
    assert.equal(await offsets("--counter", "c"), []);
    assert.equal(await offsets("--follow", "--from", "398", "--to", "400"), [398, 399]);
  });
});

test("cat: damage is reported, and the records after it follow", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(segments(directory)[0], 30_000);
    const { status, stdout, stderr } = await wal(directory, "cat");
    const offsets = jsonLines<{ offset: number }>(stdout).map(({ offset }) => offset);
    assert.is(status, 0);
    assert.equal(stderr.match(/^damage: .*$/gm)?.length, 1);
    assert.match(stderr, "offsets 20 to 40");
    assert.equal(offsets.slice(0, 20).at(-1), 19);
    assert.is(offsets[20], 40);
    assert.is(offsets.length, 380);
  });
});

test("cat: what retention has removed is reported with the oldest offset there is", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [first, second] = segments(directory);
    rmSync(first ?? "");
    const oldest = Number.parseInt(path.basename(second ?? ""), 10);
    const { status, stdout, stderr } = await wal(directory, "cat", "--from", "3");
    assert.is(status, 1);
    assert.is(stdout, "");
    assert.match(stderr, "offset 3 is no longer in");
    assert.match(stderr, `--from ${oldest} shows`);
    assert.is((await wal(directory, "cat", "--from", String(oldest))).status, 0);
    const rest = await wal(directory, "cat");
    assert.is(rest.status, 0);
    assert.match(rest.stdout, new RegExp(`^\\{"offset":${oldest},`));
  });
});

test.run();
