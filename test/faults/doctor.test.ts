/** The doctor as users run it: on this disk, on one in memory, next to a server, interrupted, and with --torture. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BINARY, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const start = trackedServers();
const children: ChildProcess[] = [];
test.after.each(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Report {
  readonly problems: number;
  readonly findings: readonly { check: string; level: string; found: string; advice?: string }[];
}

function run(args: readonly string[], environment: Record<string, string> = {}) {
  const env = { PATH: process.env["PATH"], ...environment };
  const child = spawn(process.execPath, [BINARY, "doctor", ...args], { env });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on("close", (status) => resolve({ status, ...output }));
  });
  return { child, ended, output };
}

async function report(directory: string, ...args: string[]): Promise<Report & { status: number | null }> {
  const { status, stdout, stderr } = await run(["--json", "--dir", directory, ...args]).ended;
  assert.match(stdout, /^\{/, stderr);
  return { status, ...(JSON.parse(stdout) as Report) };
}

const level = ({ findings }: Report, check: string) => findings.find((finding) => finding.check === check)?.level;
const found = ({ findings }: Report, check: string) => findings.find((finding) => finding.check === check)?.found ?? "";
const problems = ({ findings }: Report) => findings.filter((finding) => finding.level === "problem");

test("this disk: a line for each check, nothing is left, no log is made", async () => {
  const parent = temporaryDirectory();
  const { status, stdout, stderr } = await run([], { WAL_DIR: `${parent}/wal`, WAL_SEGMENT_BYTES: "1MiB" }).ended;
  const lines = stdout.trimEnd().split("\n");
  for (const line of lines.slice(0, -1)) assert.match(line, /^(ok|note|warning|problem) +[a-z ]+: ./);
  for (const check of [
    "runtime",
    "file system",
    "sync",
    "latency",
    "lock",
    "free space",
    "clock",
    "server",
    "mongodb",
  ]) {
    assert.ok(
      lines.some((line) => line.includes(`  ${check}: `)),
      `${check} in ${stdout}`,
    );
  }
  assert.match(lines.at(-1) ?? "", /^\d+ problems?, \d+ warnings? \(/);
  assert.is(status, /^problem/m.test(stdout) ? 1 : 0, stdout + stderr);
  assert.equal(readdirSync(parent), []);
});

test("in memory: lost in a reboot, and a sync without an effect; status 1", async () => {
  if (!/ \/dev\/shm .* - tmpfs /.test(readOr("/proc/self/mountinfo"))) {
    console.log("SKIP doctor: no file system in memory at /dev/shm");
    return;
  }
  const parent = mkdtempSync("/dev/shm/durable-hits-test-");
  try {
    const seen = await report(`${parent}/wal`);
    assert.is(seen.status, 1);
    assert.equal([level(seen, "file system"), level(seen, "sync")], ["problem", "problem"]);
    assert.match(found(seen, "file system"), /a reboot loses everything in it/);
    assert.match(found(seen, "sync"), /has no effect here/);
    assert.equal(readdirSync(parent), []);
  } finally {
    rmSync(parent, { recursive: true });
  }
});

test("next to a server: it is detected and not disturbed", async () => {
  const parent = temporaryDirectory();
  const directory = `${parent}/wal`;
  const server = await start({ WAL_DIR: directory });
  const hit = () => fetch(`${server.url}/hits/home`, { method: "POST" }).then((response) => response.status);
  assert.is(await hit(), 202);
  let isDone = false;
  const hits = (async () => {
    while (!isDone) assert.is(await hit(), 202);
  })();
  const seen = await report(directory);
  isDone = true;
  await hits;
  assert.match(found(seen, "server"), /^process \d+ on .* has the log open/);
  assert.equal(readdirSync(parent), ["wal"]);
  assert.equal(
    readdirSync(directory).filter((name) => name.startsWith(".")),
    [],
  );
  await server.stop();
  assert.match(found(await report(directory), "server"), /^no server has the log open/);
});

test("interrupted, also in a torture: nothing is left", async () => {
  for (const [args, signal] of [
    [[], "SIGINT"],
    [["--torture", "--seconds", "60"], "SIGTERM"],
  ] as const) {
    const parent = temporaryDirectory();
    const { child, ended, output } = run([...args, "--dir", `${parent}/wal`]);
    const scratch = () => readdirSync(parent).find((name) => name.startsWith(".durable-hits-doctor-"));
    const lock = () => path.join(parent, scratch() ?? "", "wal", "lock");
    const isUnderWay = () => scratch() !== undefined && (args.length === 0 || /^process \d+/.test(readOr(lock())));
    for (let at = 0; !isUnderWay() && at < 1500; at++) await sleep(10);
    assert.ok(isUnderWay(), output.stdout + output.stderr);
    const server = /^process (\d+)/.exec(readOr(lock()))?.[1];
    child.kill(signal);
    assert.is((await ended).status, signal === "SIGINT" ? 130 : 143);
    assert.equal(readdirSync(parent), [], signal);
    assert.is(args.length === 0, server === undefined);
    for (let at = 0; server !== undefined && existsSync(`/proc/${server}`) && at < 300; at++) await sleep(10);
    assert.is(server !== undefined && existsSync(`/proc/${server}`), false, "its server is gone too");
  }
});

test("torture: the real server, killed under load, counts right; the seed is shown", async () => {
  const parent = temporaryDirectory();
  const { status, stdout, stderr } = await run(["--torture", "--seconds", "1", "--seed", "7", "--dir", `${parent}/wal`])
    .ended;
  assert.match(stderr, /^torture: 1 s, seed 7$/m);
  assert.match(
    stdout,
    /^ok +torture: every count is right: [1-9]\d* kills? -9, [1-9]\d* hits acknowledged, \d+ unknown; seed 7$/m,
  );
  assert.is(status, /^problem/m.test(stdout) ? 1 : 0, stdout);
  assert.equal(readdirSync(parent), []);
});

test("invalid arguments are refused, and invalid settings are a problem", async () => {
  const usage = await run(["--seconds", "3"]).ended;
  assert.is(usage.status, 64);
  assert.match(usage.stderr, /--torture/);
  assert.is((await run(["--torture", "--seconds", "0"]).ended).status, 64);
  const parent = temporaryDirectory();
  const file = `${parent}/wal`;
  writeFileSync(file, "no directory");
  const blocked = await report(file);
  assert.is(blocked.status, 1);
  const { stdout, status } = await run(["--json", "--dir", `${parent}/new`], { WAL_SEGMENT_BYTES: "7" }).ended;
  assert.is(status, 1);
  const seen = JSON.parse(stdout) as Report;
  assert.ok(
    problems(seen).some(({ check, found: what }) => check === "settings" && /WAL_SEGMENT_BYTES=7/.test(what)),
    stdout,
  );
});

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

test.run();
