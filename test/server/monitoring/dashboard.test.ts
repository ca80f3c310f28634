/** The data of the dashboard, with a real log on a real disk. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreeSpace } from "../../../src/host/free-space.js";
import type { ServiceStatus } from "../../../src/model/status.js";
import type { TopCounters } from "../../../src/projection/view.js";
import { Dashboard, type DashboardSources, type DashboardView } from "../../../src/server/monitoring/dashboard.js";
import { openLocalServices } from "../../support/local-services.js";
import { temporaryDirectory } from "../../support/server-process.js";

test("figures, counters, and a history that starts with its first sample", async () => {
  const { run, tally, dashboard, external } = await openLocalServices(`${temporaryDirectory()}/wal`);
  try {
    await run.hit("a", 2);
    await run.hit("b", 3);
    tally.noteRejected("INVALID_N", 4);
    dashboard.sample();
    const first = await dashboard.data(0);
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
    external.projections.push({
      name: "mongodb",
      checkpoint: 0,
      lag: 5,
      state: "retrying",
      blocked: 0,
      lastError: null,
      since,
    });
    dashboard.sample();
    const second = await dashboard.data(1);
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

function open(view: Partial<DashboardView>, read = () => status()): Dashboard {
  const none: TopCounters = { counters: [], owing: 0 };
  const sources: DashboardSources = {
    status: { read },
    readiness: { refusal: () => undefined },
    view: { size: 1, top: async () => none, lastHours: () => undefined, ...view },
  };
  return new Dashboard({
    segmentBytes: 65_536,
    maxCounters: 5000,
    space: new FreeSpace(temporaryDirectory()),
    sources,
  });
}

test("all counters are scanned at most once a second, however many viewers there are", async () => {
  let scans = 0;
  const dashboard = open({
    top: async () => {
      scans++;
      return { counters: [{ counter: "a", count: 1, projected: 1, pending: 0, asOf: null }], owing: 0 };
    },
    lastHours: () => [1, 2],
  });
  const all = await Promise.all(Array.from({ length: 50 }, () => dashboard.data(0)));
  assert.is(scans, 1);
  assert.equal(all[49]?.counters?.top[0]?.hours, [1, 2]);
});

test("with the counts unknown there are no counters, and nothing is scanned", async () => {
  const top = () => assert.unreachable("the totals are unknown");
  assert.is((await open({ size: undefined, top: top as () => never }).data(0)).counters, null);
});

test("unbounded lists are cut, with their length", async () => {
  const damage = Array.from({ length: 900 }, (_, byte) => ({ file: "0.log", byte, from: 0, to: null, found: "x" }));
  const missing = [true, false].map((settled) => {
    return { file: "0.log", from: 0, to: 1, repaired: "2026-01-15T12:00:00Z", mended: 0, settled };
  });
  const blockedCounters = Array.from({ length: 100 }, (_, i) => ({ counter: `c${i}`, reason: "no" }));
  const mongodb = { name: "mongodb", checkpoint: 0, lag: 1, state: "running", blocked: 100, lastError: null } as const;
  const many = { ...status({ damage, missing }), projections: [{ ...mongodb, blockedCounters, since: "" }] };
  const data = await open({}, () => many).data(0);
  assert.equal([data.log.damage.total, data.log.damage.first.length], [900, 5]);
  assert.equal([data.log.unsettled.total, data.log.unsettled.first.length], [1, 1]);
  assert.equal([data.projections[0]?.blocked, data.projections[0]?.blockedCounters?.length], [100, 5]);
  assert.ok(JSON.stringify(data).length < 4000);
});

test.run();
