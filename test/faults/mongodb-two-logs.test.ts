/** Two servers with a log each and one MongoDB: both show the sum, also after a restart in an outage. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually, exactSoon } from "../projection/mongo/documents.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const { controlTest } = await mongoTests();

const start = trackedServers();

async function count(server: ServerProcess, n: number): Promise<void> {
  assert.is((await fetch(`${server.url}/hits/home?n=${n}`, { method: "POST" })).status, 202);
}

async function shown(server: ServerProcess): Promise<{ count: number; pending: number }> {
  const response = await fetch(`${server.url}/counters/home`, { signal: AbortSignal.timeout(1900) });
  const { count, pending } = (await response.json()) as { count: number; pending: number };
  return { count, pending };
}

controlTest("each shows the sum, and still does after a restart while MongoDB is away", async (mongo) => {
  await mongo.start();
  const database = mongo.randomDatabase();
  const [one, two] = [`${temporaryDirectory()}/wal`, `${temporaryDirectory()}/wal`];
  const environment = { MONGODB_URL: mongo.url, MONGODB_DB: database };
  let first = await start({ ...environment, WAL_DIR: one });
  const second = await start({ ...environment, WAL_DIR: two });
  await count(first, 3);
  await exactSoon(mongo.url, database, [one]);
  await count(second, 4);
  const since = performance.now();
  await eventually("both show seven", async () => {
    const counts = [(await shown(first)).count, (await shown(second)).count];
    return counts.every((seen) => seen === 7) || counts;
  });
  // A write may take half a second to be seen, and a log that is new a second more.
  assert.ok(performance.now() - since < 3000, `after ${performance.now() - since} ms`);

  const again = performance.now();
  await count(second, 10);
  await eventually("the first one shows the second's", async () => (await shown(first)).count === 17);
  assert.ok(performance.now() - again < 2000, `after ${performance.now() - again} ms`);

  assert.is((await first.stop()).status, 0);
  await mongo.kill();
  first = await start({ ...environment, WAL_DIR: one });
  assert.equal(await shown(first), { count: 17, pending: 0 });
  await count(first, 2);
  await count(second, 5);
  assert.equal(await shown(first), { count: 19, pending: 2 });
  await mongo.start();
  await exactSoon(mongo.url, database, [one, two]);
  await eventually("both show all", async () => {
    const counts = [await shown(first), await shown(second)];
    return counts.every(({ count, pending }) => count === 24 && pending === 0) || counts;
  });
});

test.run();
