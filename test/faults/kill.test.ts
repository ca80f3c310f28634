import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts, LedgerClient } from "../support/ledger-client.js";
import { ServerProcess, temporaryDirectory } from "../support/server-process.js";

const ROUNDS = 6;
const CLIENTS = 16;

test("kill -9 under load, again and again: acknowledged ≤ counted ≤ acknowledged + unanswered", async () => {
  const environment = { WAL_DIR: `${temporaryDirectory()}/wal`, WAL_SEGMENT_BYTES: "64KiB" };
  const ledger = new LedgerClient();
  for (let round = 0; round < ROUNDS; round++) {
    const server = await ServerProcess.start(environment);
    assert.equal(ledger.wrong(await allCounts(server.url)), [], `after kill ${round}`);
    let running = true;
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let sent = 0; running; sent++) {
        const counter = `page ${(client * 7 + sent) % 23}`;
        if (sent % 10 === 9) await ledger.bulk(server.url, Array(100).fill(counter));
        else await ledger.hit(server.url, counter);
      }
    });
    await sleep(200 + 150 * round);
    const killed = server.kill();
    running = false;
    await Promise.all([...clients, killed]);
  }
  const server = await ServerProcess.start(environment);
  const counted = await allCounts(server.url);
  assert.equal(ledger.wrong(counted), []);
  assert.equal(ledger.unexpected, []);
  const acknowledged = [...ledger.acknowledged.values()].reduce((total, count) => total + count, 0);
  assert.ok(acknowledged > 1000, `only ${acknowledged} hits were acknowledged: this proved little`);
  assert.is(new Set(ledger.offsets).size, ledger.offsets.length, "no offset was given twice");
  assert.is((await server.stop()).status, 0);

  const again = await ServerProcess.start(environment);
  assert.equal(await allCounts(again.url), counted, "a further recovery changes nothing");
  await again.stop();
});

test("a hit that was acknowledged is there after the kill, count for count", async () => {
  const environment = { WAL_DIR: `${temporaryDirectory()}/wal` };
  let server = await ServerProcess.start(environment);
  for (let count = 1; count <= 12; count++) {
    const answer = (await (await fetch(`${server.url}/hits/home`, { method: "POST" })).json()) as { count: number };
    assert.is(answer.count, count);
    await server.kill();
    server = await ServerProcess.start(environment);
  }
  await server.stop();
});

test.run();
