import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEADER_BYTES } from "../../../src/wal/format.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { writeRegistration } from "../../../src/wal/registrations.js";
import {
  append,
  appendRaw,
  bulky,
  endByte,
  flipByte,
  inDirectory,
  openLog,
  rotatedLog,
  SEGMENT_BYTES,
  segments,
  snapshot,
} from "./harness.js";
import { FIRST, places, verify } from "./verified.js";

function overwrite(file: string, at: number, bytes: Buffer): void {
  const content = readFileSync(file);
  bytes.copy(content, at);
  writeFileSync(file, content);
}

test("a sound log: rotated, reopened, with snapshots and registrations", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    // Opened twice without a hit between: offsets where an epoch began that got no record are no record's either.
    const idle = await openLog(directory);
    const { epoch, nonce } = idle;
    await writeRegistration(new LogDirectory(directory), {
      name: "idle",
      offset: idle.end,
      epoch,
      nonce,
      updatedAt: "",
    });
    assert.equal((await verify(directory)).findings, []);
    await idle.close();
    const log = await openLog(directory);
    await append(log, bulky("c", 30));
    await snapshot(directory);
    const live = await verify(directory);
    assert.equal(live.findings, []);
    assert.is(live.sound, true);
    assert.is(live.records, 430);
    assert.is(live.snapshots, 2);
    assert.is(live.segments, segments(directory).length);
    await log.close();
    assert.equal((await verify(directory)).findings, []);
  });
});

test("a torn tail is reported by place and length, and sound", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const newest = segments(directory).at(-1) ?? "";
    const end = await endByte(directory);
    overwrite(newest, end + 7, Buffer.from("torn"));
    const verification = await verify(directory);
    assert.equal(places(verification), [`torn tail ${path.basename(newest)}:${end} @400`]);
    assert.match(verification.findings[0]?.found ?? "", /^11 bytes/);
    assert.is(verification.sound, true);
  });
});

test("bytes after the end of a closed segment are a leftover, and sound", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [first = ""] = segments(directory);
    const end = readFileSync(first).length;
    writeFileSync(first, Buffer.concat([readFileSync(first), Buffer.from([0, 0, 9, 0])]));
    const verification = await verify(directory);
    assert.equal(
      places(verification).map((place) => place.split(" @")[0]),
      [`leftover ${FIRST}:${end}`],
    );
    assert.is(verification.sound, true);
    // Zeros are only not cut off yet.
    truncateSync(first, end);
    truncateSync(first, end + 100);
    assert.equal((await verify(directory)).findings, []);
  });
});

test("one flipped byte in a closed segment is found wherever it is", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [file = ""] = segments(directory);
    const length = readFileSync(file).length;
    const bytes = [0, 9, 20, 50, 99, 100, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 20, 30_000, length - 1];
    for (const at of bytes) {
      flipByte(file, at);
      const { sound, findings } = await verify(directory);
      const isPadding = at === 100 || at === HEADER_BYTES - 1;
      assert.is(sound, isPadding, `byte ${at}`);
      assert.is(findings[0]?.kind, isPadding ? "padding" : "damage", `byte ${at}`);
      assert.ok(findings.length > 0 && findings.every((finding) => finding.file === FIRST), `byte ${at}`);
      flipByte(file, at);
    }
    assert.is((await verify(directory)).sound, true);
  });
});

test("a flipped byte in the newest segment with a batch after it is damage, not a torn tail", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, bulky("a", 5));
    await append(log, bulky("a", 5));
    await log.close();
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    const verification = await verify(directory);
    assert.equal(places(verification), [`damage ${FIRST}:${HEADER_BYTES} @0`]);
    assert.match(verification.findings[0]?.expected ?? "", "batch checksum");
    assert.match(verification.findings[0]?.found ?? "", "offsets 0 to 5 can't be read");
    assert.is(verification.records, 5);
  });
});

test("a newest segment shorter than it was is damage", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const newest = segments(directory).at(-1) ?? "";
    truncateSync(newest, await endByte(directory));
    const { sound, findings } = await verify(directory);
    assert.is(sound, false);
    assert.is(findings[0]?.expected, `a file of ${SEGMENT_BYTES} bytes`);
    assert.is(findings.length, 1);
  });
});

test("a segment deleted from the middle is damage", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [, second = "", third = ""] = segments(directory);
    const [from, to] = [second, third].map((file) => Number.parseInt(path.basename(file), 10));
    rmSync(second);
    const verification = await verify(directory);
    assert.equal(places(verification), [`damage ${path.basename(second)}:0 @${from}`]);
    assert.match(verification.findings[0]?.found ?? "", `offsets ${from} to ${to}`);
  });
});

test("records that can't be read are damage, and reading continues after them", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await appendRaw(log, Buffer.from([2, 0, 1, 97]));
    await appendRaw(log, Buffer.from([1, 0, 9, 97]));
    await append(log, [{ counter: "a", n: 1 }]);
    await log.close();
    const verification = await verify(directory);
    assert.equal(
      verification.findings.map(({ kind, offset }) => ({ kind, offset })),
      [
        { kind: "damage", offset: 0 },
        { kind: "damage", offset: 1 },
      ],
    );
    assert.match(verification.findings[0]?.found ?? "", "type 2");
    assert.match(verification.findings[1]?.found ?? "", "a text of 9 bytes");
    assert.is(verification.records, 3);
  });
});

test("a segment of another log is damage", async () => {
  await inDirectory(async (parent) => {
    const [one, other] = [path.join(parent, "one"), path.join(parent, "other")];
    for (const directory of [one, other]) {
      mkdirSync(directory);
      await rotatedLog(directory);
    }
    const [, mine = ""] = segments(one);
    writeFileSync(mine, readFileSync(segments(other)[1] ?? ""));
    const { sound, findings } = await verify(one);
    assert.is(sound, false);
    assert.ok(findings.some(({ file, byte }) => file === path.basename(mine) && byte === 16));
  });
});

test.run();
