import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts } from "../support/ledger-client.js";
import { ServerProcess, temporaryDirectory } from "../support/server-process.js";

const ROUNDS = 5;
const CLIENTS = 12;
const COUNTERS = 7;

test("retries with ids over kill -9: every view counts exactly once", async () => {
  const environment = { WAL_DIR: `${temporaryDirectory()}/wal`, WAL_SEGMENT_BYTES: "64KiB" };
  let server = await ServerProcess.start(environment);
  const sent = new Map<string, number>();
  let replayed = 0;
  let stopping = false;

  /** Sends until the hit is acknowledged, however often the server goes away meanwhile. */
  const view = async (counter: string, id: string) => {
    for (;;) {
      try {
        const target = `${server.url}/hits/${encodeURIComponent(counter)}?id=${id}`;
        const response = await fetch(target, { method: "POST", body: `{"view":"${id}"}` });
        const text = await response.text();
        if (response.status === 202) {
          if (response.headers.get("idempotent-replayed") === "true") replayed++;
          return;
        }
        assert.is(response.status, 503, text);
      } catch {
        // No answer: unknown, so the same id again.
      }
      await sleep(10);
    }
  };
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let seen = 0; !stopping; seen++) {
      const counter = `page ${(client + seen) % COUNTERS}`;
      sent.set(counter, (sent.get(counter) ?? 0) + 1);
      const id = randomUUID();
      await view(counter, id);
      // Now and then an answer is lost on the way, too.
      if (seen % 10 === 0) await view(counter, id);
    }
  });
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(250 + 100 * round);
    await server.kill();
    server = await ServerProcess.start(environment);
  }
  stopping = true;
  await Promise.all(clients);
  const sorted = (counts: ReadonlyMap<string, number>) => [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.equal(sorted(await allCounts(server.url)), sorted(sent));
  assert.ok(replayed > 10, `only ${replayed} retries met a hit that had counted: this proved little`);
  await server.stop();
  const again = await ServerProcess.start(environment);
  assert.equal(sorted(await allCounts(again.url)), sorted(sent));
  await again.stop();
});

test.run();
