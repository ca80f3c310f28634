/** The clock a year forth and back under a running server: offsets, counts and what is kept don't depend on it. */
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts, LedgerClient } from "../support/ledger-client.js";
import { LocalLog } from "../support/local-log.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const payload = JSON.stringify({ text: "x".repeat(6000) });

/** Debian's and Ubuntu's place for it. */
const library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
  .map((machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`)
  .find((file) => process.platform === "linux" && existsSync(file));
if (library === undefined) console.log("SKIP the clock a year forth and back: there is no libfaketime");
const onClock = library === undefined ? test.skip : test;
const start = trackedServers();

/** A clock that can be turned while a process runs by it; its timers keep their pace, as those of the kernel do. */
class Clock {
  readonly #file = path.join(temporaryDirectory(), "clock");

  constructor() {
    this.turn(0);
  }

  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: library ?? "",
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
  }

  turn(days: number): void {
    writeFileSync(`${this.#file}.new`, `${days < 0 ? "" : "+"}${days}d`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}

interface Answer {
  readonly offset: number;
  readonly count: number;
  readonly replayed: boolean;
}

async function keyed(server: ServerProcess, id: string): Promise<Answer> {
  const response = await fetch(`${server.url}/hits/keyed?id=${id}`, { method: "POST" });
  assert.is(response.status, 202);
  const { offset, count } = (await response.json()) as Answer;
  return { offset, count, replayed: response.headers.get("idempotent-replayed") === "true" };
}

onClock("a year forth and back, and over starts: every hit once, offsets ascend, ids by the clock", async () => {
  const clock = new Clock();
  const directory = path.join(temporaryDirectory(), "wal");
  const settings = { WAL_DIR: directory, WAL_SEGMENT_BYTES: "64KiB", ...clock.environment };
  const ledger = new LedgerClient();
  let server = await start(settings);
  const now = async () => {
    const { asOf } = (await (await fetch(`${server.url}/counters/keyed`)).json()) as { asOf: string };
    return Date.parse(asOf);
  };
  const hits = async () => {
    for (let sent = 0; sent < 15; sent++) await ledger.hit(server.url, `page ${sent % 4}`, payload);
  };
  const begun = Date.now();
  assert.equal((await keyed(server, "first")).count, 1);
  await hits();
  for (const days of [365, -365, 0, -365, 365, 0]) {
    clock.turn(days);
    await hits();
    const away = (await now()) - begun - days * DAY_MS;
    assert.ok(Math.abs(away) < DAY_MS, `the server's clock is ${away} ms off: this proved nothing`);
  }
  assert.equal(await keyed(server, "first"), { offset: 0, count: 1, replayed: true }, "within its window");

  clock.turn(365);
  // Ids whose time is over go when a new one comes.
  assert.is((await keyed(server, "second")).count, 2);
  const again = await keyed(server, "first");
  assert.equal([again.count, again.replayed], [3, false], "a year later it is another hit");
  assert.equal(await keyed(server, "first"), { ...again, replayed: true });
  clock.turn(-365);
  assert.equal(await keyed(server, "first"), { ...again, replayed: true }, "an id of the future is known in the past");
  await hits();

  for (const days of [-365, 365, 0]) {
    // In order with a snapshot, then with a kill: by each clock once.
    clock.turn(days);
    for (const end of ["stop", "kill"] as const) {
      await server[end]();
      server = await start(settings);
      const counts = await allCounts(server.url);
      assert.is(counts.get("keyed"), 3);
      counts.delete("keyed");
      assert.equal(ledger.wrong(counts), [], `started with the clock ${days} days off`);
      await hits();
    }
  }
  assert.equal(ledger.unexpected, []);
  assert.is(ledger.unanswered.size, 0);
  assert.equal(
    ledger.offsets,
    [...ledger.offsets].sort((a, b) => a - b),
    "offsets ascend",
  );
  assert.is(new Set(ledger.offsets).size, ledger.offsets.length);
  assert.is((await server.stop()).status, 0);

  // Retention with the clock ahead of all that it ever was: all segments are old, and what is needed stays.
  const segments = () => readdirSync(directory).filter((name) => name.endsWith(".log")).length;
  const there = segments();
  const realNow = Date.now;
  const limits = { ms: 30 * DAY_MS, bytes: Number.POSITIVE_INFINITY };
  Date.now = () => realNow() + 3 * YEAR_MS;
  try {
    const opened = await LocalLog.open(directory);
    assert.equal(await opened.log.applyRetention(limits, 0), [], "all is needed where there is no snapshot");
    await opened.log.applyRetention(limits, opened.local.offset);
    await opened.close();
  } finally {
    Date.now = realNow;
  }
  assert.ok(segments() < there, "old ones that a snapshot covers went");
  assert.equal(readdirSync(path.join(directory, "snapshots")).length, 2);
  server = await start({ WAL_DIR: directory });
  const counts = await allCounts(server.url);
  counts.delete("keyed");
  assert.equal(ledger.wrong(counts), []);
  assert.is((await server.stop()).status, 0);
});

test.run();
