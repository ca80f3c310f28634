import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts } from "../support/ledger-client.js";
import { temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";
import { start, summary, until, world } from "./import-world.js";

const startServer = trackedServers();

test("into a running server, which is killed and comes back: every line counts once", async () => {
  const { environment, file, lines, counts, done } = await world(30_000);
  let server = await startServer(environment);
  const { ended } = start(["import", file, "--json"], environment);
  for (let round = 0; round < 3; round++) {
    const before = done();
    await Promise.race([until(() => done() > before, "the state"), ended]);
    await server.kill();
    server = await startServer(environment);
  }
  const end = await ended;
  assert.is(end.status, 0, end.stderr);
  assert.match(end.stderr, /retrying for up to 120 s\n(.*\n)*.*answers again/);
  const { target, lines: imported, counted, refused } = summary(end);
  assert.is(target, `http://127.0.0.1:${environment["PORT"]}`);
  assert.equal([imported, counted, refused], [lines, lines * 0.9, {}]);
  assert.equal(await allCounts(server.url), counts);

  const again = await start(["import", file, "--json", "--url", server.url, "--state", `${file}.other`], {}).ended;
  assert.equal([summary(again).counted, summary(again).replayed], [lines * 0.9, lines * 0.9]);
  assert.equal(await allCounts(server.url), counts);
});

test("Ctrl-C ends it between two batches, and the message has the command to continue", async () => {
  const { environment, file, lines, counts, done } = await world(30_000);
  const { child, ended } = start(["import", file, "--json"], environment);
  await Promise.race([until(() => done() > 0, "the state"), ended]);
  child.kill("SIGINT");
  const end = await ended;
  assert.is(end.status, 2, end.stderr);
  assert.match(end.stderr, /interrupted; the same command continues from there\n$/);
  const first = summary(end);
  assert.ok(!first.finished && first.lines < lines, "it was not in the middle: this proved nothing");
  assert.is(done(), first.lines);
  // The ids have expired: only the state has what is done, to the line.
  const rest = await start(["import", file, "--json"], { ...environment, IDEMPOTENCY_WINDOW: "0s" }).ended;
  assert.equal([summary(rest).before, summary(rest).before + summary(rest).lines], [first.lines, lines]);
  const server = await startServer(environment);
  assert.equal(await allCounts(server.url), counts);
});

test("a server without room for more keys: it stops at that line, exactly", async () => {
  const { environment, file, lines, counts } = await world(3000);
  const server = await startServer({ ...environment, MAX_IDEMPOTENCY_KEYS: "1500" });
  const full = await start(["import", file, "--json"], environment).ended;
  assert.is(full.status, 2);
  assert.is(summary(full).counted, 1500);
  assert.match(full.stderr, /stopped before line 1667: TOO_MANY_KEYS/);
  const rest = await start(["import", file, "--json", "--no-ids"], environment).ended;
  assert.is(rest.status, 0, rest.stderr);
  assert.is(summary(rest).before + summary(rest).lines, lines);
  assert.equal(await allCounts(server.url), counts);
});

test("set, into a running server and into its log", async () => {
  const { environment } = await world(0);
  const server = await startServer(environment);
  const set = (to: string) => start(["set", "/blog", to], environment).ended;
  const first = await set("2000000001");
  assert.is(first.status, 0, first.stderr);
  assert.match(first.stdout, /^\/blog: 0 → 2,000,000,001, added 2,000,000,001 \(http/);
  await fetch(`${server.url}/hits?counter=/blog`, { method: "POST" });
  assert.is((await set("2000000001")).status, 1, "a hit has come since");
  await server.stop();
  assert.match((await set("2000000010")).stdout, /2,000,000,002 → 2,000,000,010, added 8 \(the log in/);
  const again = await startServer(environment);
  assert.equal(await allCounts(again.url), new Map([["/blog", 2_000_000_010]]));
});

test("a directory in use, and at HOST and PORT the server of another log: nothing is sent there", async () => {
  const { environment, file } = await world(10);
  await startServer({ ...environment, PORT: "0" });
  const other = await startServer({ WAL_DIR: `${temporaryDirectory()}/wal`, PORT: environment["PORT"] ?? "" });
  const end = await start(["import", file], environment).ended;
  assert.is(end.status, 2);
  assert.match(end.stderr, /has another log .*name the right one with --url/);
  assert.is((await allCounts(other.url)).size, 0);
});

test.run();
