/** Two servers on one log directory at once, and a copy of a directory beside the original. */
import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { audit, eventually, exactSoon } from "../projection/mongo/documents.js";
import { allCounts } from "../support/ledger-client.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const RACES = 8;
const { controlTest } = await mongoTests();
const start = trackedServers();
const hit = async (server: ServerProcess) =>
  (await (await fetch(`${server.url}/hits/home`, { method: "POST" })).json()) as { count: number };

/** A mount namespace of its own, as a container has; the volume is the same. */
const APART = ["unshare", "-m"];
const canUnshare = process.platform === "linux" && spawnSync("unshare", ["-m", "true"]).status === 0;
if (!canUnshare) console.log("SKIP a race between two mount namespaces: this user can't have another one");

async function race(times: number, before: readonly string[]): Promise<void> {
  const directory = path.join(temporaryDirectory(), "wal");
  for (let count = 1; count <= times; count++) {
    const contestants = await Promise.all([
      ServerProcess.launch({ WAL_DIR: directory }),
      ServerProcess.launch({ WAL_DIR: directory }, before),
    ]);
    const servers = contestants.filter((one) => one instanceof ServerProcess);
    try {
      const [server] = servers;
      if (server === undefined || servers.length !== 1) throw new Error(`${servers.length} of two servers run`);
      const [other] = contestants.flatMap((one) => (one instanceof ServerProcess ? [] : [one]));
      assert.is(other?.status, 75, other?.stderr);
      assert.match(other?.stderr ?? "", /"code":"LOG_LOCKED"/);
      assert.is((await hit(server)).count, count, "each hit of each race is there, once");
    } finally {
      for (const server of servers) await server.kill();
    }
  }
}

test(`two servers started on one directory at once, ${RACES} times: one has it, the other ends with 75`, async () => {
  await race(RACES / 2, []);
});

(canUnshare ? test : test.skip)("the same with each in a mount namespace of its own, as containers are", async () => {
  await race(RACES / 2, APART);
});

interface Projection {
  readonly name: string;
  readonly state: string;
  readonly lastError: string | null;
}

async function projection(server: ServerProcess): Promise<Projection | undefined> {
  const response = await fetch(`${server.url}/status`);
  const { projections } = (await response.json()) as { projections: Projection[] };
  return projections.find(({ name }) => name === "mongodb");
}

controlTest(
  "a copy of a log beside the original: its projection halts and reports it, the original is exact",
  async (mongo) => {
    await mongo.start();
    const database = mongo.randomDatabase();
    const [original, twin] = [path.join(temporaryDirectory(), "wal"), path.join(temporaryDirectory(), "wal")];
    const environment = { MONGODB_URL: mongo.url, MONGODB_DB: database, LOG_LEVEL: "silent" };
    let first = await start({ ...environment, WAL_DIR: original });
    for (let count = 1; count <= 5; count++) assert.is((await hit(first)).count, count);
    await exactSoon(mongo.url, database, [original]);
    cpSync(original, twin, { recursive: true });
    // The original continues first, so that its epoch is the one in MongoDB.
    await first.stop();
    first = await start({ ...environment, WAL_DIR: original });
    assert.is((await hit(first)).count, 6);
    await exactSoon(mongo.url, database, [original]);

    const second = await start({ ...environment, WAL_DIR: twin });
    assert.ok((await hit(second)).count > 5, "hits are taken");
    await eventually("the copy's projection has halted", async () => {
      const found = await projection(second);
      return found?.state === "halted" || found;
    });
    assert.match((await projection(second))?.lastError ?? "", /copy|twin|fork/i);
    assert.is((await fetch(`${second.url}/hits/home?n=100`, { method: "POST" })).status, 202, "and taken still");
    assert.is((await hit(first)).count, 7);
    await exactSoon(mongo.url, database, [original]);
    assert.is((await projection(first))?.state, "running");
    await second.stop();
    assert.is((await allCounts(first.url)).get("home"), 7);
    await first.stop();
    assert.equal(await audit(mongo.url, database, [original]), []);
  },
);

test.run();
