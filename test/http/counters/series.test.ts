import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPEN_POLICY } from "../../../src/model/access.js";
import type { CounterSeries } from "../../../src/model/counters.js";
import { expectProblem, expectRawProblem, rawRequest, withServer } from "../harness.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test("a counter's series, by path and by query, counts nothing and needs no token", () =>
  withServer(
    async ({ url, port, services }) => {
      services.hits.push({ counter: "/a b", n: 7 });
      for (const path of ["/counters/%2Fa%20b/series?", "/series?counter=/a+b&"]) {
        const response = await fetch(`${url}${path}by=hour&from=2026-11-24&to=2026-11-24T03:00:00%2B01:00`);
        assert.is(response.status, 200);
        assert.is(response.headers.get("content-type"), "application/json; charset=utf-8");
        assert.is(response.headers.get("cache-control"), "no-store");
        assert.is(response.headers.get("access-control-allow-origin"), "*");
        assert.equal(((await response.json()) as CounterSeries).points, [{ at: "2026-11-24T00:00:00.000Z", count: 7 }]);
      }
      const query = { counter: "/a b", by: "hour", from: Date.UTC(2026, 10, 24), to: Date.UTC(2026, 10, 24, 2) };
      assert.equal(services.seriesAsked, [query, query]);
      assert.is(services.hits.length, 1);
      for (const name of ["", ".", "%2e", "%E0%A4%A", "a%00"]) {
        expectRawProblem(await rawRequest(port, "GET", `/counters/${name}/series`), 400, "INVALID_COUNTER");
        expectRawProblem(await rawRequest(port, "GET", `/series?counter=${name}`), 400, "INVALID_COUNTER");
      }
      await expectProblem(await fetch(`${url}/series`), 400, "INVALID_QUERY");
      assert.is(((await (await fetch(`${url}/counters/series`)).json()) as { counter: string }).counter, "series");
      services.halted = true;
      await expectProblem(await fetch(`${url}/counters/a/series`), 503, "PROJECTION_HALTED");
    },
    { policy: { ...OPEN_POLICY, adminToken: "s3cret" } },
  ));

test("without a range: the last 30 days or 48 hours, up to the current bucket", () =>
  withServer(async ({ url, services }) => {
    const before = Date.now();
    await fetch(`${url}/counters/a/series`);
    await fetch(`${url}/counters/a/series?by=hour`);
    await fetch(`${url}/counters/a/series?to=2026-01-31`);
    await fetch(`${url}/counters/a/series?from=${before - 5 * DAY_MS}`);
    const after = Date.now();
    const [days, hours, to, from] = services.seriesAsked;
    assert.ok(days !== undefined && days.to > before && days.to <= after + 1);
    const end = (at: number, width: number) => Math.ceil(at / width) * width;
    assert.is(days?.from, end(days?.to ?? 0, DAY_MS) - 30 * DAY_MS);
    assert.is(hours?.from, end(hours?.to ?? 0, HOUR_MS) - 48 * HOUR_MS);
    assert.equal(to, { counter: "a", by: "day", from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 31) });
    assert.is(from?.from, before - 5 * DAY_MS);
  }));

test("queries for nothing, for too much, or for times that do not exist", () =>
  withServer(async ({ url, services }) => {
    for (const query of [
      "by=week",
      "by=",
      "from=yesterday",
      "from=2026-02-30",
      "from=2026-01-01T25:00:00Z",
      "from=2026-01-01T00:00:00",
      "from=-1",
      "to=1e12",
      "to=999999999999999",
      "from=2026-01-02&to=2026-01-02",
      "from=2026-01-02&to=2026-01-01",
      "from=1&from=2",
      "from=2020-01-01&to=2022-09-28",
      "by=hour&from=2026-01-01&to=2026-02-11T16:00:00.001Z",
      "format=xml",
    ]) {
      await expectProblem(await fetch(`${url}/counters/a/series?${query}`), 400, "INVALID_QUERY");
    }
    assert.is(services.seriesAsked.length, 0);
    for (const query of ["from=2020-01-01&to=2022-09-27", "by=hour&from=2026-01-01&to=2026-02-11T16:00:00Z", "to=1"]) {
      assert.is((await fetch(`${url}/counters/a/series?${query}`)).status, 200, query);
    }
  }));

test("as CSV, by the query or by Accept, under a harmless file name", () =>
  withServer(async ({ url, services }) => {
    const name = '../"x";\r\n/é';
    services.hits.push({ counter: "a", n: 7 });
    const range = "from=2026-11-24&to=2026-11-25";
    for (const [path, accept] of [
      [`/counters/a/series?format=csv&${range}`, "application/json"],
      [`/counters/a/series?${range}`, "text/csv"],
    ] as const) {
      const response = await fetch(url + path, { headers: { accept } });
      assert.is(response.headers.get("content-type"), "text/csv; charset=utf-8; header=present");
      assert.is(response.headers.get("content-disposition"), 'attachment; filename="a-by-day.csv"');
      assert.is(response.headers.get("x-content-type-options"), "nosniff");
      assert.is(await response.text(), "at,count\r\n2026-11-24T00:00:00.000Z,7\r\n");
    }
    const negotiated = await fetch(`${url}/counters/a/series`);
    assert.match(negotiated.headers.get("vary") ?? "", "Accept");
    assert.match(negotiated.headers.get("content-type") ?? "", "application/json");
    const odd = await fetch(`${url}/counters/${encodeURIComponent(name.replace("\r\n", ""))}/series?format=csv`);
    assert.is(odd.headers.get("content-disposition"), 'attachment; filename="x-by-day.csv"');
    const none = await fetch(`${url}/counters/%E2%9C%93/series?format=csv`);
    assert.is(none.headers.get("content-disposition"), 'attachment; filename="counter-by-day.csv"');
  }));

test.run();
