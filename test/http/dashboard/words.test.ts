import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bytes,
  chartWords,
  duration,
  mongoWords,
  problems,
  rate,
  sinceWords,
} from "../../../src/http/dashboard/assets/dashboard-words.js";
import type { DashboardData } from "../../../src/model/dashboard-data.js";
import { ago, counters, DAMAGE, dashboardData, GIB, local, logOf, MIB, mongodb, top } from "./data.js";

const plain = (text: string) => text.replaceAll("\u00a0", " ");
const titles = (over: Partial<DashboardData>) => problems(dashboardData(over)).map(({ title }) => plain(title));
const text = (over: Partial<DashboardData>) => plain(JSON.stringify(problems(dashboardData(over))));

test("numbers for people", () => {
  assert.equal([0, 0.02, 3.44, 9.96, 212.4, 48_213].map(rate), ["0", "0.1", "3.4", "10.0", "212", "48,213"]);
  const sizes = [0, 1, 1023, 64 * 1024, 64 * MIB, 1.25 * GIB, 250 * GIB, 4096 * GIB].map((n) => plain(bytes(n)));
  assert.equal(sizes, ["0 bytes", "1 byte", "1,023 bytes", "64.0 KiB", "64.0 MiB", "1.3 GiB", "250 GiB", "4,096 GiB"]);
  const times = [-5, 999, 12_000, 61_000, 3_600_000, 7_500_000, 90_000_000, 1e12].map((n) => plain(duration(n)));
  assert.equal(times, ["0 s", "0 s", "12 s", "1 min", "1 h", "2 h 5 min", "1 d 1 h", "11,574 d 1 h"]);
});

test("no problems if nothing is wrong", () => assert.equal(titles({}), []));

test("MongoDB: up, catching up, away, halted, and none at all", () => {
  const words = (over: Parameters<typeof mongodb>[0]) => {
    const { sign, lead, rest } = mongoWords(dashboardData({ projections: [local(), mongodb(over)] }), 300);
    return [sign, lead, plain(rest)];
  };
  assert.equal(words({}), ["up", "Up", "for 2 h"]);
  assert.equal(words({ lag: 1500 }), ["up", "Up", "for 2 h"], "the hits of the last moments");
  assert.equal(words({ lag: 1501 }), ["moving", "Catching up", "for 2 h"]);
  assert.equal(words({ state: "retrying", lag: 5, since: ago(720.5) }), ["away", "Away", "for 12 min"]);
  assert.equal(words({ state: "halted", since: "" }), ["halted", "Halted", ""]);
  assert.is(mongoWords(dashboardData({ projections: [local()] }), 0).lead, "Local only");
  assert.equal(titles({ projections: [local()] }), []);
});

test("MongoDB is away: the duration, the pending hits, that nothing is lost, and what to do", () => {
  const away = mongodb({ state: "retrying", lag: 8231, since: ago(720.5), lastError: "connect ECONNREFUSED. " });
  const over = { projections: [local(), away], counters: counters(top("a", 9, { pending: 2 }), top("b", 9)) };
  assert.equal(titles(over), ["MongoDB has been away for 12 min"]);
  assert.match(text(over), /8,231 hits of 1 counter are pending, safe on disk\. Nothing is lost/);
  assert.match(text(over), /"connect ECONNREFUSED".*Start MongoDB/);
});

test("every problem is listed, the worst first, with what to do", () => {
  const blockedCounters = [{ counter: "a", reason: "count is a text" }];
  const over = {
    refusal: { code: "QUEUE_FULL", detail: "64 MiB wait" },
    projections: [
      local({ state: "halted", lastError: "there is no snapshot" }),
      mongodb({ state: "halted", lag: 1, lastError: "a twin", blocked: 7, blockedCounters }),
    ],
    log: logOf({
      damage: { total: 9, first: [DAMAGE] },
      unsettled: { total: 1, first: [{ file: "0.log", from: 1, to: 2, repaired: "", mended: 0, settled: false }] },
      freeBytes: 600 * MIB,
    }),
    counters: { known: 950, limit: 1000, owing: 0, top: [] },
  };
  assert.equal(titles(over), [
    "Hits are refused",
    "The counts are unknown",
    "The log is damaged in 9 places",
    "Projecting into MongoDB has halted",
    "A repair has not asked MongoDB yet",
    "The disk is filling up",
    "The limit of counters is near",
    "7 counters cannot be projected",
  ]);
  assert.match(text(over), /offsets 4,410 to 4,475: a batch whose checksum/);
  assert.match(text(over), /"There is no snapshot\."/);
  assert.match(text(over), /and 8 more.*and 6 more/);
  for (const { title, text: what, todo } of problems(dashboardData(over))) {
    assert.ok(todo !== "" && what !== "", title);
    assert.is(todo.split("`").length % 2, 1, title);
  }
});

test("free disk space: below ten segments, below two, unknown, and reported once", () => {
  const free = (freeBytes: number | null) => titles({ log: logOf({ freeBytes }) });
  assert.equal(free(640 * MIB), []);
  assert.equal(free(640 * MIB - 1), ["The disk is filling up"]);
  assert.equal(free(128 * MIB - 1), ["The disk is almost full"]);
  assert.equal(free(null), []);
  assert.equal(titles({ log: logOf({ freeBytes: 0 }), refusal: { code: "DISK_FULL", detail: "" } }), [
    "Hits are refused",
  ]);
});

test("a history of less than an hour has a reason", () => {
  const now = Date.now();
  assert.is(plain(sinceWords([{ at: now - 60_000 }], now, 65)), "The history starts with this server, 1 min ago.");
  assert.is(plain(sinceWords([], now, 2)), "The history starts with this server, 2 s ago.");
  // Opened before the server was restarted: the samples from then are still shown.
  assert.is(sinceWords([{ at: now - 90_000 }], now, 65), "");
  assert.is(sinceWords([{ at: now - 60_000 }], now, 7200), "");
});

test("a chart in words", () => {
  const now = Date.now();
  const words = (values: readonly number[]) => {
    const samples = values.map((value, i) => ({ at: now - (values.length - 1 - i) * 60_000, value }));
    return plain(chartWords({ samples, value: (sample) => sample.value, now, words: rate }));
  };
  assert.is(words([]), "The first sample is taken within five seconds.");
  assert.is(words([0, 0, 0]), "Nothing in the last 2 min.");
  assert.is(words([4, 90, 20]), "Highest 90, 1 min ago; 38 on average.");
  assert.is(words([4, 20]), "Highest 20, now; 12 on average.");
});

test.run();
