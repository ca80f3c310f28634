import { test } from "uvu";
import * as assert from "uvu/assert";
import { Reporter } from "../../../src/projection/mongo/reporter.js";
import { FakeDatabase } from "./fake-database.js";
import { HitLog } from "./hit-log.js";
import { prepare } from "./running.js";

test("reports each change once, in messages of bounded size", async () => {
  const log = await HitLog.open();
  for (let at = 0; at < 6; at++) {
    await log.hitAll(Array.from({ length: 1000 }, (_, n) => ({ counter: `c${at * 1000 + n}`, n: 2 })));
  }
  const { projector, counters } = await prepare(new FakeDatabase(), log);
  const reporter = new Reporter(counters, new Map([["known", 5]]));
  counters.reportOwed();
  let { report, more } = reporter.takeReport(projector);
  assert.equal([report.confirmed.length, more], [5000, true]);
  ({ report, more } = reporter.takeReport(projector));
  assert.equal([report.confirmed.length, more], [1000, false]);
  assert.equal(report.confirmed[0]?.[1], 0, "owed: none of it is confirmed");
  await projector.cycle();
  ({ report } = reporter.takeReport(projector));
  assert.equal([report.confirmed.length, report.confirmed[0]?.[1]], [5000, 2]);
  reporter.takeReport(projector);

  reporter.noteRemote("known", 5);
  reporter.noteRemote("never", 0);
  assert.equal(reporter.takeReport(projector).report.remote, [], "no news");
  reporter.noteRemote("known", 7);
  reporter.noteRemote("known", 8);
  assert.equal(reporter.takeReport(projector).report.remote, [["known", 8]]);
  reporter.noteRemote("known", 0);
  assert.equal(reporter.takeReport(projector).report.remote, [["known", 0]]);
  await log.log.close();
});

test.run();
