import { statSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { logFacts } from "../../../src/cli/doctor/log-facts.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { flipByte, inDirectory, rotatedLog, segments } from "../wal/harness.js";

test("all segments' bytes, and when the newest batch was written", () =>
  inDirectory(async (directory) => {
    const before = Date.now();
    await rotatedLog(directory);
    const { bytes, newest } = await logFacts(new LogDirectory(directory));
    assert.ok(segments(directory).length > 2);
    assert.is(
      bytes,
      segments(directory).reduce((sum, file) => sum + statSync(file).size, 0),
    );
    assert.ok(newest !== undefined && newest >= before && newest <= Date.now(), String(newest));
  }));

test("no log, and one that can't be read: nothing is thrown", () =>
  inDirectory(async (directory) => {
    assert.equal(await logFacts(new LogDirectory(`${directory}/nowhere`)), { bytes: 0, newest: undefined });
    assert.equal(await logFacts(new LogDirectory(directory)), { bytes: 0, newest: undefined });
    await rotatedLog(directory);
    flipByte(segments(directory).at(-1), 3);
    assert.is((await logFacts(new LogDirectory(directory))).newest, undefined);
  }));

test.run();
