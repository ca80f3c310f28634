import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Summary } from "../cli/import/harness.js";
import { allCounts } from "../support/ledger-client.js";
import { freePort } from "../support/mongodb/free-port.js";
import { BINARY, type Ended, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const startServer = trackedServers();
const children: ChildProcess[] = [];
test.after.each(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

function start(args: readonly string[], environment: Record<string, string>): Running {
  const child = spawn(process.execPath, [BINARY, ...args], { env: { PATH: process.env["PATH"], ...environment } });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  }
  return {
    child,
    ended: new Promise((resolve) => child.on("close", (status, signal) => resolve({ status, signal, ...output }))),
  };
}

const summary = ({ stdout }: Ended) => JSON.parse(stdout) as Summary;

interface World {
  readonly environment: Record<string, string>;
  readonly file: string;
  readonly lines: number;
  readonly counts: ReadonlyMap<string, number>;
  /** Reads the number of lines that are done, as the state file has it. */
  done(): number;
}

/** A log directory, a port, and an access log of so many lines, every tenth of which is a miss. */
async function world(lines: number): Promise<World> {
  const directory = temporaryDirectory();
  const file = `${directory}/access.log`;
  const counts = new Map<string, number>();
  const texts: string[] = [];
  for (let line = 0; line < lines; line++) {
    const page = `/page/${(line * 7919) % 101}`;
    const status = line % 10 === 9 ? 404 : 200;
    if (status === 200) counts.set(page, (counts.get(page) ?? 0) + 1);
    texts.push(`192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET ${page}?${line % 3} HTTP/1.1" ${status} 1 "-" "-"\n`);
  }
  writeFileSync(file, texts.join(""));
  const environment = { WAL_DIR: `${directory}/wal`, WAL_SEGMENT_BYTES: "1MiB", PORT: String(await freePort()) };
  const done = () => {
    const state = `${file}.imported`;
    return existsSync(state) ? (JSON.parse(readFileSync(state, "utf8")) as { lines: number }).lines : 0;
  };
  return { environment, file, lines, counts, done };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited a minute for ${what}`);
    await sleep(5);
  }
}

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

test("into a running server, which is killed and comes back: every line counts once", async () => {
  const { environment, file, lines, counts, done } = await world(40_000);
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
  const { environment, file, lines, counts, done } = await world(60_000);
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
