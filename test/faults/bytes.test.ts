import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkCase, checkReader } from "./bytes/check.js";
import { makeSample } from "./bytes/log.js";
import { withoutLargeBuffers } from "./bytes/memory.js";
import { happenings } from "./bytes/rows.js";
import { bytesTable } from "./bytes/table.js";

/**
 * The table "Changed bytes, case by case" in docs/reliability.md, row by row: bytes/rows.ts makes each happen, bytes/check.ts holds
 * everything that opens or reads a log against what the row has.
 */

// wal verify looks twice at what seems torn, in case it is being written: nobody writes here.
Object.assign(timers, { setTimeout: () => new Promise((resolve) => setImmediate(resolve)) });
syncBuiltinESMExports();

const rows = bytesTable();

test("every row has a test, and every test a row", () => {
  assert.equal(
    rows.map(({ name }) => name),
    Object.keys(happenings),
  );
});

for (const row of rows) {
  test(row.name, async () => {
    const happening = happenings[row.name];
    assert.ok(happening);
    if (happening === undefined) return;
    const sample = await makeSample(happening.sample);
    let cases = 0;
    await withoutLargeBuffers(async () => {
      for await (const one of happening.cases(sample)) {
        await checkCase(sample, row, one);
        cases++;
      }
      for (const one of happening.everywhere?.(sample) ?? []) await checkReader(sample, row.start === "damage", one);
    });
    assert.ok(cases > 0);
  });
}

test.run();
