import { test } from "uvu";
import * as assert from "uvu/assert";
import { DAY_MS } from "../../../src/projection/series/days.js";
import { loadSnapshots } from "../../../src/projection/snapshot/snapshot.js";
import type { SnapshotThread } from "../../../src/projection/snapshot/snapshot-thread.js";
import { Totals } from "../../../src/projection/totals.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { temporaryDirectory } from "../../support/server-process.js";

// The thread needs the build, which the tests make before they run.
const built = new URL("../../../dist/projection/snapshot/snapshot-thread.js", import.meta.url).href;
const { SnapshotThread: Thread } = (await import(built)) as { SnapshotThread: new () => SnapshotThread };

test("snapshots of thousands of days, passed to the thread in slices, are written whole, each with its own", async () => {
  const thread = new Thread();
  const totals = new Totals();
  const index = totals.indexOf("home");
  const directory = temporaryDirectory();
  for (const [offset, days] of [2500, 3000].entries()) {
    for (let day = 0; day < days; day++) totals.addAt(index, 1, day * DAY_MS);
    const facts = {
      logId: "0".repeat(32),
      epoch: 1,
      nonce: "0".repeat(16),
      offset,
      created: "2026-01-01T00:00:00.000Z",
    };
    await thread.write({ directory, facts: { ...facts, asOf: null, damage: [] }, image: totals.image() });
    const { newest } = await loadSnapshots(new LogDirectory(directory));
    assert.is(newest?.facts.offset, offset);
    assert.equal(newest?.totals.series.days(), [...Array(days).keys()]);
    assert.equal([newest?.totals.series.count(0, 7), newest?.totals.count("home")], [offset + 1, totals.count("home")]);
  }
  await thread.close();
});

test.run();
