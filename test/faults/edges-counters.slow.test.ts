/** As many counters as there may be. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts } from "../support/ledger-client.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const start = trackedServers();

const lines = (names: readonly string[]) => names.map((counter) => JSON.stringify({ counter })).join("\n");

async function post(server: ServerProcess, target: string, body = ""): Promise<Response> {
  return await fetch(server.url + target, { method: "POST", body, headers: { "content-type": "text/plain" } });
}

test("200,000 counters and no more: memory within bounds, known ones count on, and a start knows them all", async () => {
  const most = 200_000;
  const settings = { WAL_DIR: `${temporaryDirectory()}/wal`, MAX_COUNTERS: String(most), WAL_SEGMENT_BYTES: "8MiB" };
  let server = await start(settings);
  const before = residentMebibytes(server);
  const piece = 50_000;
  for (let at = 0; at < most; at += piece) {
    const names = Array.from({ length: piece }, (_, index) => `/a/page/of/usual/length/${at + index}`);
    assert.is((await post(server, "/hits", lines(names))).status, 202);
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

test("the longest names up to their bytes: a small heap takes them, starts with them, and lists them", async () => {
  const heap = { NODE_OPTIONS: "--max-old-space-size=128" };
  const settings = { WAL_DIR: `${temporaryDirectory()}/wal`, MAX_COUNTERS: "200000", ...heap };
  let server = await start(settings);
  const nameOf = (number: number) => `/${number}/`.padEnd(1024, "x");
  const most = (200_000 * 128) / 1024;
  const piece = 5000;
  for (let at = 0; at < 2 * most; at += piece) {
    const names = Array.from({ length: piece }, (_, index) => nameOf(at + index));
    assert.is((await post(server, "/hits", lines(names))).status, at < most ? 202 : 400);
  }
  assert.match(await (await post(server, "/hits/a")).text(), /the names of all counters would be 25600001 bytes long/);
  assert.is((await post(server, `/hits/${encodeURIComponent(nameOf(7))}`)).status, 202);
  for (const stop of [() => server.kill(), () => server.stop()]) {
    await stop();
    server = await start(settings);
    const counts = await allCounts(server.url);
    assert.equal([counts.size, counts.get(nameOf(7)), counts.get(nameOf(most - 1))], [most, 2, 1]);
  }
  assert.is((await server.stop()).status, 0);
});

function residentMebibytes(server: ServerProcess): number {
  if (process.platform !== "linux") return 0;
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8"))?.[1];
  return Number(kibibytes) / 1024;
}

test.run();
