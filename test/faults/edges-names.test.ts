/** The longest names there may be through every route and the command line, and as many counters as there may be. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exactSoon } from "../projection/mongo/documents.js";
import { allCounts } from "../support/ledger-client.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { BINARY, type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const { mongoTest } = await mongoTests();
const start = trackedServers();

/** Each of 1,024 bytes, of letters of 1, 2, 3 and 4 bytes; and some that mean something to somebody on the way. */
const LONGEST = [
  "a".repeat(1024),
  "é".repeat(512),
  `${"語".repeat(341)}a`,
  "😀".repeat(256),
  "%2F/".repeat(256),
  `$${".".repeat(1022)}$`,
  `__proto__${"\\".repeat(1015)}`,
  `-- "'<&>;${" ".repeat(1014)}/`,
];
const TOO_LONG = ["a".repeat(1025), `${"é".repeat(512)}a`, "語".repeat(342), "😀".repeat(257)];

const lines = (names: readonly string[]) => names.map((counter) => JSON.stringify({ counter })).join("\n");
const array = (names: readonly string[]) => JSON.stringify(names.map((counter) => ({ counter })));

async function post(
  server: ServerProcess,
  target: string,
  body?: string,
  type = "application/json",
): Promise<Response> {
  const options = body === undefined ? {} : { body, headers: { "content-type": type } };
  return await fetch(server.url + target, { method: "POST", ...options });
}

/** Counts each name once by every route that counts: four. */
async function countEach(server: ServerProcess): Promise<void> {
  for (const name of LONGEST) {
    assert.is(Buffer.byteLength(name), 1024);
    const inPath = await post(server, `/hits/${encodeURIComponent(name)}`);
    assert.is(((await inPath.json()) as { counter: string }).counter, name);
    assert.is((await post(server, `/hits?counter=${encodeURIComponent(name)}`)).status, 202);
  }
  assert.is((await post(server, "/hits", lines(LONGEST), "application/x-ndjson")).status, 202);
  assert.is((await post(server, "/hits", array(LONGEST))).status, 202);
}

async function shown(server: ServerProcess, target: string): Promise<{ counter: string; count: number }> {
  const { counter, count } = (await (await fetch(server.url + target)).json()) as { counter: string; count: number };
  return { counter, count };
}

function wal(directory: string, args: readonly string[]): unknown[] {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [BINARY, "wal", ...args, "--dir", directory, "--json"],
    {
      encoding: "utf8",
    },
  );
  assert.is(status, 0, stderr);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

test("names of 1,024 bytes by every route and on the command line, also after a start; of 1,025 nowhere", async () => {
  const directory = `${temporaryDirectory()}/wal`;
  let server = await start({ WAL_DIR: directory });
  await countEach(server);
  for (const name of TOO_LONG) {
    const encoded = encodeURIComponent(name);
    const answers = [
      await post(server, `/hits/${encoded}`),
      await post(server, `/hits?counter=${encoded}`),
      await post(server, "/hits", lines([name]), "application/x-ndjson"),
      await post(server, "/hits", array([name])),
      await fetch(`${server.url}/counters/${encoded}`),
      await fetch(`${server.url}/counters?name=${encoded}`),
      await fetch(`${server.url}/events?counter=${encoded}`),
    ];
    for (const answer of answers) {
      assert.is(answer.status, 400, answer.url.slice(0, 60));
      assert.match(await answer.text(), /"code":"INVALID_COUNTER"/);
    }
  }
  const expected = LONGEST.map((counter) => ({ counter, count: 4 }));
  const check = async () => {
    for (const [at, name] of LONGEST.entries()) {
      const encoded = encodeURIComponent(name);
      assert.equal(await shown(server, `/counters/${encoded}`), expected[at]);
      assert.equal(await shown(server, `/counters?name=${encoded}`), expected[at]);
      const found = (await (await fetch(`${server.url}/counters?prefix=${encoded}`)).json()) as { counters: unknown[] };
      assert.is(found.counters.length, 1);
      const events = await fetch(`${server.url}/events?counter=${encoded}`);
      const reader = events.body?.getReader();
      assert.match(Buffer.from((await reader?.read())?.value ?? []).toString("utf8"), /"count":4\b/);
      await reader?.cancel();
    }
    // By pages of one, each from the name before: all names, once.
    const listed: string[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const target: string = `/counters?limit=1${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`;
      const page = (await (await fetch(server.url + target)).json()) as {
        counters: { counter: string }[];
        next: string | null;
      };
      listed.push(...page.counters.map(({ counter }) => counter));
      after = page.next;
    }
    assert.equal(listed, [...LONGEST].sort());
  };
  await check();
  for (const name of LONGEST) {
    assert.is(wal(directory, ["cat", `--counter=${name}`]).length, 4);
  }
  assert.is((await server.stop()).status, 0);
  const [counted] = wal(directory, ["counts"]) as { counters: { counter: string; count: number }[] }[];
  assert.equal(
    new Map(counted?.counters.map(({ counter, count }) => [counter, count])),
    new Map(LONGEST.map((name) => [name, 4])),
  );
  server = await start({ WAL_DIR: directory });
  await check();
  assert.is((await server.stop()).status, 0);
});

mongoTest("names of 1,024 bytes in MongoDB", async (mongo) => {
  const directory = `${temporaryDirectory()}/wal`;
  const database = mongo.randomDatabase();
  const server = await start({ WAL_DIR: directory, MONGODB_URL: mongo.url, MONGODB_DB: database });
  await countEach(server);
  await exactSoon(mongo.url, database, [directory]);
  assert.is((await server.stop()).status, 0);
});

test("200,000 counters and no more: memory within bounds, known ones count on, and a start knows them all", async () => {
  const most = 200_000;
  const settings = { WAL_DIR: `${temporaryDirectory()}/wal`, MAX_COUNTERS: String(most), WAL_SEGMENT_BYTES: "8MiB" };
  let server = await start(settings);
  const before = residentMebibytes(server);
  const piece = 50_000;
  for (let at = 0; at < most; at += piece) {
    const names = Array.from({ length: piece }, (_, index) => `/a/page/of/usual/length/${at + index}`);
    assert.is((await post(server, "/hits", lines(names), "text/plain")).status, 202);
  }
  const over = await post(server, "/hits/one-too-many");
  assert.is(over.status, 403);
  assert.match(await over.text(), /"code":"TOO_MANY_COUNTERS"/);
  assert.is((await post(server, `/hits/${encodeURIComponent("/a/page/of/usual/length/7")}`)).status, 202);
  if (process.platform === "linux") {
    // 0.2 KB for each, and what four bulk requests of 2 MB leave for the collector: far from a leak.
    const grown = residentMebibytes(server) - before;
    assert.ok(grown < 300, `${grown} MiB more for ${most} counters`);
  }
  await server.kill();
  server = await start(settings);
  const counts = await allCounts(server.url);
  assert.is(counts.size, most);
  assert.is(counts.get("/a/page/of/usual/length/7"), 2);
  assert.is((await post(server, "/hits/one-too-many")).status, 403);
  assert.is((await server.stop()).status, 0);
});

function residentMebibytes(server: ServerProcess): number {
  if (process.platform !== "linux") return 0;
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8"))?.[1];
  return Number(kibibytes) / 1024;
}

test.run();
