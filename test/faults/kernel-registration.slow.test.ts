/** EIO where the MongoDB projection registers in the log directory: hits are accepted, and MongoDB ends exact. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually, exactSoon } from "../projection/mongo/documents.js";
import { LedgerClient } from "../support/ledger-client.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import type { MongoServer } from "../support/mongodb/server.js";
import { ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { canStrace, type Injection, injecting, ONE_THREAD } from "../support/strace.js";

const { mongoTest } = await mongoTests();
const possible = canStrace();
if (!possible) console.log("SKIP errors where a projection registers: there is no strace, or it may not trace");

/** The first registration, and a checkpoint that moves. */
const INJECTIONS: readonly Injection[] = [
  { call: "mkdir", what: "error=EIO", when: "1" },
  { call: "rename", what: "error=EIO", when: "1" },
  { call: "pwrite64", what: "error=ENOSPC", when: "2" },
  { call: "fdatasync", what: "error=EIO", when: "2" },
  { call: "fsync", what: "error=EIO", when: "2" },
];

async function run(mongo: MongoServer, injection: Injection): Promise<void> {
  const directory = path.join(temporaryDirectory(), "wal");
  const folder = path.join(directory, "projections");
  const paths = [folder, path.join(folder, "mongodb.json"), path.join(folder, "mongodb.json.tmp")];
  const trace = path.join(temporaryDirectory(), "trace");
  const database = mongo.randomDatabase();
  const environment = { WAL_DIR: directory, MONGODB_URL: mongo.url, MONGODB_DB: database, ...ONE_THREAD };
  const server = await ServerProcess.launch(environment, injecting(injection, paths, trace));
  if (!(server instanceof ServerProcess)) throw new Error(`${injection.call}: ${server.stderr}`);
  try {
    const ledger = new LedgerClient();
    for (let sent = 0; sent < 30; sent++) {
      assert.is((await ledger.hit(server.url, `page ${sent % 3}`)).outcome, "counted");
      await sleep(20);
    }
    await exactSoon(mongo.url, database, [directory]);
    // Registered in the end: what a restart, and retention, go by.
    await eventually("the projection runs", async () => {
      const { projections } = (await (await fetch(`${server.url}/status`)).json()) as {
        projections: { name: string; state: string; lag: number }[];
      };
      const found = projections.find(({ name }) => name === "mongodb");
      return (found?.state === "running" && found.lag === 0) || found;
    });
    const end = await server.stop();
    assert.is(end.status, 0, end.stderr);
    assert.match(end.stderr, /EIO|ENOSPC/, `${injection.call} ${injection.when}: said`);
    assert.not.match(end.stderr, /LOG_FAILED/);
  } finally {
    await server.kill();
  }
}

if (possible) {
  mongoTest("the registration of a projection fails: reported, retried, and no hit is held up", async (mongo) => {
    await Promise.all(INJECTIONS.map((injection) => run(mongo, injection)));
  });
} else test.skip("the registration of a projection fails: reported, retried, and no hit is held up", () => undefined);

test.run();
