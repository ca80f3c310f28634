import { test } from "uvu";
import * as assert from "uvu/assert";
import { readRemoteCount } from "../../../src/cli/import/direct-target.js";
import { hitsFor } from "../../../src/cli/import/set-command.js";
import type { CounterDocument, DamagedDocument } from "../../../src/projection/mongo/document.js";
import { codeOf } from "../../support/code-of.js";
import { freePort } from "../../support/mongodb/free-port.js";
import { inDirectory, jsonLines, wal } from "../wal/harness.js";
import { countsOf, runSetting } from "./harness.js";

const MAX = 2 ** 52;

test("a counter is brought up to a number, once; the log records it", async () => {
  await inDirectory(async (directory) => {
    const environment = { WAL_DIR: `${directory}/wal`, WAL_SEGMENT_BYTES: "64KiB" };
    const set = (...args: string[]) => runSetting(args, environment);
    const first = await set("/blog", "1500");
    assert.is(first.status, 0, first.stderr);
    assert.match(first.stdout, /^\/blog: 0 → 1,500, added 1,500/);
    assert.equal(JSON.parse((await set("/blog", "2500000000", "--json")).stdout), {
      counter: "/blog",
      before: 1500,
      added: 2_499_998_500,
      count: 2_500_000_000,
    });
    const again = await set("/blog", "2500000000");
    assert.is(again.status, 0);
    assert.match(again.stdout, /is at 2,500,000,000 already/);
    const below = await set("/blog", "2499999999");
    assert.is(below.status, 1);
    assert.match(below.stderr, /is at 2,500,000,000: it can't be set to 2,499,999,999, since counts only grow/);
    assert.is((await set("untouched", "0")).status, 0);
    assert.equal(await countsOf(environment.WAL_DIR), { "/blog": 2_500_000_000 });
    const records = jsonLines<{ n: number; payload: unknown }>((await wal(environment.WAL_DIR, "cat")).stdout);
    assert.equal(
      records.map(({ n, payload }) => [n, payload]),
      [
        [1500, { set: 1500 }],
        [1_000_000_000, { set: 2_500_000_000 }],
        [1_000_000_000, { set: 2_500_000_000 }],
        [499_998_500, { set: 2_500_000_000 }],
      ],
    );
  });
});

test("impossible numbers are refused, and nothing is changed", async () => {
  await inDirectory(async (directory) => {
    const environment = { WAL_DIR: `${directory}/wal`, WAL_SEGMENT_BYTES: "64KiB" };
    const refused: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["a"], 64, /name a COUNTER and a number/],
      [["a", "1", "2"], 64, /name a COUNTER and a number/],
      [["", "1"], 64, /empty/],
      [["..", "1"], 64, /directory/],
      [["a", "1.5"], 64, /must be an integer/],
      [["a", "-1"], 64, /./],
      [["a", String(MAX + 1)], 64, /2\^52/],
      [["a", "1000000000001"], 1, /at most 1,000,000,000,000 are added at a time/],
    ];
    for (const [args, status, message] of refused) {
      const ran = await runSetting(args, environment);
      assert.is(ran.status, status, `${args.join(" ")}: ${ran.stderr}`);
      assert.match(ran.stderr, message);
    }
    assert.equal(await countsOf(environment.WAL_DIR), {});
    assert.is((await runSetting(["a", "1000000000000"], environment)).status, 0);
    assert.equal(await countsOf(environment.WAL_DIR), { a: 1e12 });
  });
});

test("too little room for keys: the count so far is reported, and the same command completes it", async () => {
  await inDirectory(async (directory) => {
    const environment = { WAL_DIR: `${directory}/wal`, WAL_SEGMENT_BYTES: "64KiB" };
    const short = await runSetting(["a", "3000000000"], { ...environment, MAX_IDEMPOTENCY_KEYS: "2" });
    assert.is(short.status, 2);
    assert.match(short.stderr, /TOO_MANY_KEYS: .*a is at 2,000,000,000; the same command may be repeated/);
    assert.is((await runSetting(["a", "3000000000"], environment)).status, 0);
    assert.equal(await countsOf(environment.WAL_DIR), { a: 3e9 });
  });
});

test("the same step has the same ids, another step has others", () => {
  const ids = (from: number, to: number) => hitsFor("a", from, to).map(({ id }) => id);
  assert.equal(ids(5, 2e9), ids(5, 2e9));
  const all = [...ids(5, 2e9), ...ids(6, 2e9), ...ids(5, 2e9 + 1)];
  assert.is(new Set(all).size, all.length);
  assert.equal(hitsFor("a", 7, 7), []);
});

test("other logs' hits are part of the count; if they are unknown, nothing is changed", async () => {
  const slots = new Map([
    ["own", { offset: 5, count: 3 }],
    ["other", { offset: 9, count: 40 }],
  ]);
  const documents = new Map<string, CounterDocument | DamagedDocument>([
    ["a", { name: "a", count: 43, slots }],
    ["b", { name: "b", reason: "logs is missing" }],
  ]);
  const store = { read: async () => documents };
  assert.is(await readRemoteCount(store, "own", "a"), 40);
  assert.is(await readRemoteCount(store, "own", "never seen"), 0);
  assert.is(await codeOf(readRemoteCount(store, "own", "b")), "SERVER_UNAVAILABLE");
  await inDirectory(async (directory) => {
    const environment = { WAL_DIR: `${directory}/wal`, WAL_SEGMENT_BYTES: "64KiB" };
    const away = await runSetting(["a", "5"], {
      ...environment,
      MONGODB_URL: `mongodb://u:secret@127.0.0.1:${await freePort()}`,
    });
    assert.is(away.status, 2);
    assert.match(away.stderr, /MongoDB does not answer/);
    assert.not.match(away.stderr, /secret/);
    assert.equal(await countsOf(environment.WAL_DIR), {});
  });
});

test.run();
