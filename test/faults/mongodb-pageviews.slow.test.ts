import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { audit, documentsOf, exactSoon } from "../projection/mongo/documents.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { ServerProcess, temporaryDirectory } from "../support/server-process.js";

const { controlTest } = await mongoTests();
const file = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "data", "pageviews.ndjson");
const PIECE = 250;

controlTest(
  "5,000 real page requests, MongoDB killed half-way: its documents are what sort | uniq -c says",
  async (mongo) => {
    await mongo.start();
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    assert.is(lines.length, 5000);
    const directory = `${temporaryDirectory()}/wal`;
    const database = mongo.randomDatabase();
    const server = await ServerProcess.start({ WAL_DIR: directory, MONGODB_URL: mongo.url, MONGODB_DB: database });
    try {
      for (let at = 0; at < lines.length; at += PIECE) {
        if (at === lines.length / 2) await mongo.kill();
        if (at === (lines.length / 4) * 3) await mongo.start();
        const body = `${lines.slice(at, at + PIECE).join("\n")}\n`;
        const headers = { "content-type": "application/x-ndjson" };
        const response = await fetch(`${server.url}/hits`, { method: "POST", body, headers });
        assert.is(response.status, 202);
        await response.text();
      }
      await exactSoon(mongo.url, database, [directory]);
      const counted = (await documentsOf(mongo.url, database)).map(({ _id, count }) => `${count} ${_id}`).sort();
      assert.equal(counted, uniqCounts(lines));
      assert.is((await server.stop()).status, 0);
      assert.equal(await audit(mongo.url, database, [directory]), []);
    } finally {
      await server.kill();
    }
  },
);

/** By the system's own sort and uniq: nothing of ours takes part. */
function uniqCounts(lines: readonly string[]): string[] {
  const names = lines.map((line) => (JSON.parse(line) as { counter: string }).counter);
  const output = execFileSync("sh", ["-c", "LC_ALL=C sort | LC_ALL=C uniq -c"], { input: `${names.join("\n")}\n` });
  const counted = output.toString("utf8").trimEnd().split("\n");
  return counted.map((line) => line.trimStart()).sort();
}

test.run();
