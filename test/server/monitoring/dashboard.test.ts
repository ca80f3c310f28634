/** What the dashboard is told, of a real log on a real disk. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ProjectionStatus, ServiceStatus } from "../../../src/model/status.js";
import { View } from "../../../src/projection/view.js";
import { Dashboard, type DashboardSource, type Top } from "../../../src/server/monitoring/dashboard.js";
import { Metrics } from "../../../src/server/monitoring/metrics.js";
import { Service } from "../../../src/server/service.js";
import { LocalLog } from "../../support/local-log.js";
import { temporaryDirectory } from "../../support/server-process.js";

const LIMITS = { maxQueuedBytes: 1024 * 1024, maxCounters: 5000, maxIdempotencyKeys: 1000 };

test("a service: figures, counters, and a history that begins with its samples", async () => {
  const directory = `${temporaryDirectory()}/wal`;
  const options = { ...LIMITS, walDir: directory, walSegmentBytes: 64 * 1024 };
  const run = await LocalLog.open(directory);
  const projections: ProjectionStatus[] = [];
  const outside = { database: undefined, statuses: () => projections, stop: async () => undefined };
  const view = new View(run.local, undefined);
  const service = new Service(
    run.log,
    run.local,
    run.collector,
    view,
    outside,
    new Metrics(options),
    new Dashboard(options),
  );
  try {
    await run.hit("a", 2);
    await run.hit("b", 3);
    service.noteRejected("INVALID_N", 4);
    service.sample();
    const first = await service.dashboard(0);
    assert.equal([first.accepted, first.rejected, first.refusal], [5, 4, null]);
    assert.equal([first.log.id, first.log.end, first.log.segmentBytes], [run.log.id, 5, 64 * 1024]);
    assert.ok((first.log.freeBytes ?? 0) > 0);
    assert.equal([first.counters?.known, first.counters?.limit, first.counters?.owing], [2, 5000, 0]);
    assert.equal(
      first.counters?.top.map(({ counter, count }) => [counter, count]),
      [
        ["b", 3],
        ["a", 2],
      ],
    );
    assert.equal([first.history.last, first.history.state, first.history.owed], [1, [0], [0]]);
    assert.ok((first.history.rate[0] ?? 0) > 0);
    const since = "2026-01-15T12:00:00Z";
    projections.push({ name: "mongodb", checkpoint: 0, lag: 5, state: "retrying", blocked: 0, lastError: null, since });
    service.sample();
    const second = await service.dashboard(1);
    assert.equal([second.history.last, second.history.state, second.history.owed], [2, [2], [5]]);
    assert.is(second.projections.at(-1)?.lag, 5);
  } finally {
    await run.close();
  }
});

const status = (over: Partial<ServiceStatus["log"]> = {}): ServiceStatus => ({
  log: { id: "abc", epoch: 1, start: 0, end: 0, segments: 1, bytes: 0, damage: [], missing: [], ...over },
  projections: [],
  accepted: 0,
  rejected: 0,
  uptime: 1,
});

function source(over: Partial<DashboardSource> = {}): DashboardSource {
  const top: Top = { counters: [], owing: 0 };
  return {
    status: () => status(),
    refusal: () => undefined,
    known: () => 1,
    top: () => top,
    hours: () => undefined,
    ...over,
  };
}

const open = () => new Dashboard({ ...LIMITS, walDir: temporaryDirectory(), walSegmentBytes: 65_536 });

test("however many look, all counters are gone through once a second at most", async () => {
  let scans = 0;
  const dashboard = open();
  const counted = source({
    top: () => {
      scans++;
      return { counters: [{ counter: "a", count: 1, projected: 1, pending: 0, asOf: null }], owing: 0 };
    },
    hours: () => [1, 2],
  });
  const all = await Promise.all(Array.from({ length: 50 }, () => dashboard.data(counted, 0)));
  assert.is(scans, 1);
  assert.equal(all[49]?.counters?.top[0]?.hours, [1, 2]);
});

test("unknown counts are no counts, and nothing is gone through for them", async () => {
  const top = () => assert.unreachable("the totals are unknown");
  assert.is((await open().data(source({ known: () => undefined, top: top as () => never }), 0)).counters, null);
});

test("lists without a bound are cut, and their length told", async () => {
  const damage = Array.from({ length: 900 }, (_, byte) => ({ file: "0.log", byte, from: 0, to: null, found: "x" }));
  const missing = [true, false].map((settled) => {
    return { file: "0.log", from: 0, to: 1, repaired: "2026-01-15T12:00:00Z", mended: 0, settled };
  });
  const blockedCounters = Array.from({ length: 100 }, (_, i) => ({ counter: `c${i}`, reason: "no" }));
  const mongodb = { name: "mongodb", checkpoint: 0, lag: 1, state: "running", blocked: 100, lastError: null } as const;
  const many = { ...status({ damage, missing }), projections: [{ ...mongodb, blockedCounters, since: "" }] };
  const data = await open().data(source({ status: () => many }), 0);
  assert.equal([data.log.damage.total, data.log.damage.first.length], [900, 5]);
  assert.equal([data.log.unsettled.total, data.log.unsettled.first.length], [1, 1]);
  assert.equal([data.projections[0]?.blocked, data.projections[0]?.blockedCounters?.length], [100, 5]);
  assert.ok(JSON.stringify(data).length < 4000);
});

test.run();
