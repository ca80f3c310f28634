import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEADER_BYTES } from "../../../src/wal/format.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { type MissingRange, writeMissingRanges } from "../../../src/wal/missing-ranges.js";
import { flipByte, inDirectory, rotatedLog, segments } from "../../cli/wal/harness.js";
import { places, verify } from "../../cli/wal/verified.js";

test("an empty range recorded as missing hides damage at its place that cost nothing, not damage with records", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    const [damage] = (await verify(directory)).findings;
    assert.ok(damage?.kind === "damage");
    const { file, byte, offset } = damage;
    const recorded: MissingRange = {
      file,
      byte,
      from: offset,
      to: offset,
      open: false,
      expected: "a batch",
      found: "none",
      repaired: new Date().toISOString(),
      quarantine: null,
      settled: true,
      restoredRecords: [],
    };
    await writeMissingRanges(new LogDirectory(directory), [recorded]);
    const again = await verify(directory);
    assert.is(again.sound, false);
    assert.ok(places(again).includes(`damage ${file}:${byte} @${offset}`), places(again).join());
  });
});

test.run();
