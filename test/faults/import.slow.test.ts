import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts } from "../support/ledger-client.js";
import { trackedServers } from "../support/tracked-servers.js";
import { start, until, world } from "./import-world.js";

const startServer = trackedServers();

test("kill -9 in the middle of an import, again and again: every line counts once", async () => {
  const { environment, file, lines, counts, done } = await world(60_000);
  let killed = 0;
  for (let round = 0; round < 4; round++) {
    const before = done();
    const { child, ended } = start(["import", file, "--json"], environment);
    // The first batch is acknowledged, and its state written; later ones are not all in the state.
    await Promise.race([until(() => done() > before, "the state"), ended]);
    await sleep(60 * round);
    child.kill("SIGKILL");
    const end = await ended;
    if (end.signal === "SIGKILL" && done() < lines) killed++;
    // Also without what the state knew.
    if (round === 1) rmSync(`${file}.imported`);
  }
  assert.ok(killed > 0, "no import was killed in its middle: this proved nothing");
  const last = await start(["import", file, "--json"], environment).ended;
  assert.is(last.status, 0, last.stderr);
  assert.is(done(), lines);
  const server = await startServer(environment);
  assert.equal(await allCounts(server.url), counts);
});

test("kill -9 without ids: one batch counts twice at most, and no line is lost", async () => {
  const { environment, file, lines, counts, done } = await world(60_000);
  const { child, ended } = start(["import", file, "--json", "--no-ids"], environment);
  await Promise.race([until(() => done() > 10_000, "the state"), ended]);
  child.kill("SIGKILL");
  await ended;
  assert.ok(done() < lines, "it was not killed in its middle: this proved nothing");
  const rest = await start(["import", file, "--json", "--no-ids"], environment).ended;
  assert.is(rest.status, 0, rest.stderr);
  const server = await startServer(environment);
  const counted = await allCounts(server.url);
  const more = [...counts].map(([page, count]) => (counted.get(page) ?? 0) - count);
  assert.ok(Math.min(...more) >= 0, "a hit was lost");
  const twice = more.reduce((total, count) => total + count, 0);
  assert.ok(twice <= 4000, `${twice} hits count twice`);
});

test.run();
