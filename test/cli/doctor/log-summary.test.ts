import { statSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { summarizeLog } from "../../../src/cli/doctor/log-summary.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { flipByte, inDirectory, rotatedLog, segments } from "../wal/harness.js";

test("the bytes of all segments, and the time of the newest batch", () =>
  inDirectory(async (directory) => {
    const before = Date.now();
    await rotatedLog(directory);
    const { bytes, newest } = await summarizeLog(new LogDirectory(directory));
    assert.ok(segments(directory).length > 2);
    assert.is(
      bytes,
      segments(directory).reduce((sum, file) => sum + statSync(file).size, 0),
    );
    assert.ok(newest !== undefined && newest >= before && newest <= Date.now(), String(newest));
  }));

test("no log, and an unreadable one: nothing is thrown", () =>
  inDirectory(async (directory) => {
    assert.equal(await summarizeLog(new LogDirectory(`${directory}/nowhere`)), { bytes: 0, newest: undefined });
    assert.equal(await summarizeLog(new LogDirectory(directory)), { bytes: 0, newest: undefined });
    await rotatedLog(directory);
    flipByte(segments(directory).at(-1), 3);
    assert.is((await summarizeLog(new LogDirectory(directory))).newest, undefined);
  }));

test.run();
