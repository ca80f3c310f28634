import { test } from "uvu";
import * as assert from "uvu/assert";
import { readConfig } from "../src/config.js";
import { HitsError } from "../src/errors.js";

test("defaults", () => {
  const config = readConfig({});
  assert.is(config.host, "127.0.0.1");
  assert.is(config.port, 3000);
  assert.match(config.walDir, /wal$/);
  assert.is(config.walSegmentBytes, 64 * 1024 * 1024);
  assert.equal(config.retention, { ms: 30 * 24 * 3600 * 1000, bytes: 10 * 1024 ** 3 });
  assert.is(config.maxQueuedBytes, 64 * 1024 * 1024);
  assert.is(config.maxCounters, 1_000_000);
  assert.equal(config.series, { hoursKeptMs: 35 * 86_400_000, maxPoints: 4_000_000 });
  assert.is(config.logLevel, "info");
  assert.ok(Object.isFrozen(config));
});

test("sizes and durations", () => {
  const segment = (value: string) => readConfig({ WAL_SEGMENT_BYTES: value }).walSegmentBytes;
  assert.is(segment("65536"), 65536);
  assert.is(segment("64KiB"), 65536);
  assert.is(segment("1.5MiB"), 1.5 * 1024 * 1024);
  assert.is(segment("1MB"), 1_000_000);
  assert.is(segment("1 mib"), 1024 * 1024);
  const age = (value: string) => readConfig({ WAL_RETENTION: value }).retention.ms;
  assert.is(age("500ms"), 500);
  assert.is(age("30s"), 30_000);
  assert.is(age("5m"), 300_000);
  assert.is(age("24h"), 86_400_000);
  assert.is(age("30d"), 30 * 86_400_000);
  assert.is(age("forever"), Number.POSITIVE_INFINITY);
  assert.equal(readConfig({ SERIES_HOURS_KEPT: "2d", MAX_SERIES_POINTS: "0" }).series, {
    hoursKeptMs: 2 * 86_400_000,
    maxPoints: 0,
  });
  assert.is(readConfig({ SERIES_HOURS_KEPT: "forever" }).series.hoursKeptMs, Number.POSITIVE_INFINITY);
  assert.is(readConfig({ WAL_RETENTION_BYTES: "forever" }).retention.bytes, Number.POSITIVE_INFINITY);
  assert.is(readConfig({ WAL_RETENTION_BYTES: "10GB" }).retention.bytes, 10e9);
});

test("access settings", () => {
  const open = readConfig({});
  assert.equal(open.countersAllow, ["*"]);
  assert.is(open.corsOrigins, "*");
  assert.is(open.trustProxy, 0);
  assert.is(open.adminToken, undefined);
  assert.is(open.publicHits, "views");
  assert.is(open.countBots, true);
  assert.is(open.rateLimit, undefined);
  const config = readConfig({
    COUNTERS_ALLOW: "home, /blog/{a,b}*",
    CORS_ORIGINS: "https://example.com,http://localhost:8080 null",
    TRUST_PROXY: "2",
    ADMIN_TOKEN: "s3cret-token",
    PUBLIC_HITS: "all",
    COUNT_BOTS: "0",
  });
  assert.equal(config.countersAllow, ["home", "/blog/{a,b}*"]);
  assert.equal(config.corsOrigins, ["https://example.com", "http://localhost:8080", "null"]);
  assert.is(config.trustProxy, 2);
  assert.is(config.adminToken, "s3cret-token");
  assert.is(config.publicHits, "all");
  assert.is(config.countBots, false);
  assert.equal(readConfig({ CORS_ORIGINS: "none" }).corsOrigins, []);
  const limit = (value: string) => readConfig({ RATE_LIMIT: value }).rateLimit;
  assert.equal(limit("5"), { hits: 5, seconds: 1 });
  assert.equal(limit("100/s"), { hits: 100, seconds: 1 });
  assert.equal(limit("600/1m"), { hits: 600, seconds: 60 });
  assert.equal(limit("5/10s"), { hits: 5, seconds: 10 });
  assert.equal(limit("5/1.5m"), { hits: 5, seconds: 90 });
  assert.equal(limit("1000/24h"), { hits: 1000, seconds: 86_400 });
  assert.is(limit("off"), undefined);
  assert.is(limit("0"), undefined);
});

test("an invalid token stops the start and is not shown", () => {
  for (const token of ["short-1", "two words", "sch\u00f6n", "x".repeat(1025)]) {
    assert.throws(
      () => readConfig({ ADMIN_TOKEN: token }),
      (error: Error) => error.message.includes("ADMIN_TOKEN=…") && !error.message.includes(token),
    );
  }
});

test("an empty value counts as unset", () => {
  assert.is(readConfig({ PORT: "", MONGODB_URL: " " }).port, 3000);
});

test("an invalid value: variable, value and what is expected, in one line", () => {
  const bad: [string, string][] = [
    ["PORT", "http"],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "3000.5"],
    ["WAL_SEGMENT_BYTES", "63KiB"],
    ["WAL_SEGMENT_BYTES", "64 buckets"],
    ["WAL_SEGMENT_BYTES", "MiB"],
    ["WAL_SEGMENT_BYTES", "65536.5"],
    ["WAL_SEGMENT_BYTES", "forever"],
    ["WAL_RETENTION", "30"],
    ["WAL_RETENTION", "a month"],
    ["WAL_RETENTION_BYTES", "-1"],
    ["MAX_QUEUED_BYTES", "1"],
    ["MAX_COUNTERS", "0"],
    ["MAX_COUNTERS", "1e6"],
    ["LOG_LEVEL", "loud"],
    ["COUNTERS_ALLOW", ","],
    ["CORS_ORIGINS", "example.com"],
    ["CORS_ORIGINS", "https://example.com/"],
    ["CORS_ORIGINS", "https://example.com, *"],
    ["TRUST_PROXY", "true"],
    ["TRUST_PROXY", "17"],
    ["PUBLIC_HITS", "none"],
    ["COUNT_BOTS", "no"],
    ["RATE_LIMIT", "many"],
    ["RATE_LIMIT", "10/500ms"],
    ["RATE_LIMIT", "10/2d"],
    ["RATE_LIMIT", "-1"],
    ["RATE_LIMIT", "10/.s"],
  ];
  for (const [name, value] of bad) {
    try {
      readConfig({ [name]: value });
      assert.unreachable(`${name}=${value} was taken`);
    } catch (error) {
      assert.instance(error, HitsError);
      if (!(error instanceof HitsError)) continue;
      assert.is(error.code, "INVALID_SETTING");
      assert.match(error.message, new RegExp(`^${name}=${value.replaceAll(/[.+*]/g, "\\$&")}: must be .*$`));
    }
  }
});

test.run();
