/** The longest names there may be through every route and the command line. */
import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exactSoon } from "../projection/mongo/documents.js";
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

test.run();
