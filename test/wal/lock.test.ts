import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { takeLock } from "../../src/wal/lock.js";
import { Log } from "../../src/wal/log.js";
import { LogDirectory } from "../../src/wal/log-directory.js";
import { append, codeOf } from "../support/log-files.js";

/** One writer a directory, on the real file system and between real processes. */

const made: string[] = [];
const children: ChildProcess[] = [];
const script = path.join(path.dirname(fileURLToPath(import.meta.url)), "../support/hold-log.ts");

function directory(): string {
  const name = fs.mkdtempSync(path.join(tmpdir(), "hits-lock-"));
  made.push(name);
  return name;
}

const open = (where: string) =>
  Log.open({ directory: new LogDirectory(where), segmentBytes: 64 * 1024, maxQueuedBytes: 1024 * 1024 });

/** Another process that holds the log; resolves once it does. */
async function holder(where: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--import", "tsx", script, where], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  assert.match(said.toString(), /^open \d/);
  return child;
}

test.after(() => {
  for (const child of children) child.kill("SIGKILL");
  for (const name of made) fs.rmSync(name, { recursive: true, force: true });
});

test("a second process is refused, and the error names the holder; after kill -9 it takes over at once", async () => {
  const where = directory();
  const child = await holder(where);
  const error = await open(where).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof HitsError && error.code === "LOG_LOCKED");
  assert.ok(error.message.includes(`process ${child.pid} `), error.message);

  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  const started = performance.now();
  const log = await open(where);
  assert.ok(performance.now() - started < 2000);
  assert.is(log.epoch, 2);
  await append(log, ["a"]);
  await log.close();
});

test("a second process is refused while the first is frozen, too", async () => {
  const where = directory();
  const child = await holder(where);
  child.kill("SIGSTOP");
  assert.is(await codeOf(open(where)), "LOG_LOCKED");
  child.kill("SIGKILL");
});

test("of many that come at once exactly one gets it", async () => {
  const where = directory();
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => open(where)));
  const logs = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  assert.is(logs.length, 1);
  for (const log of logs) await log.close();
});

test("the same process is refused twice as well, and gets it once it has given it back", async () => {
  const where = directory();
  const log = await open(where);
  assert.is(await codeOf(open(where)), "LOG_LOCKED");
  await log.close();
  const again = await open(where);
  await again.close();
  assert.ok(fs.existsSync(path.join(where, "lock")), "the file stays: its name must not get a second file");
});

test("an opening that fails gives the lock back", async () => {
  const where = directory();
  fs.writeFileSync(path.join(where, "00000000000000000000.log"), "no header");
  assert.is(await codeOf(open(where)), "LOG_ID_UNKNOWN");
  const lock = await takeLock(where);
  await lock.release();
});

test("what is no directory for a log is refused with LOG_DIRECTORY", async () => {
  const where = directory();
  const file = path.join(where, "file");
  fs.writeFileSync(file, "");
  assert.is(await codeOf(open(file)), "LOG_DIRECTORY");
  assert.is(await codeOf(open(path.join(file, "below"))), "LOG_DIRECTORY");
  // Other files and no log: somebody's own directory.
  assert.is(await codeOf(open(where)), "LOG_DIRECTORY");
  assert.equal(fs.readdirSync(where), ["file"], "nothing was put there");
});

test("what people and mounts put beside a log is tolerated, and missing directories are made", async () => {
  const where = path.join(directory(), "a", "b");
  await (await open(where)).close();
  for (const name of ["README.md", ".gitignore", "lost+found"]) fs.writeFileSync(path.join(where, name), "");
  await (await open(where)).close();
});

function readOnlyMount(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const where = directory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", where], { stdio: "ignore" });
    execFileSync("mount", ["-o", "remount,ro", where], { stdio: "ignore" });
    return where;
  } catch {
    return undefined;
  }
}

const mounted = readOnlyMount();
if (mounted === undefined) console.log("SKIP a read-only file system: it takes root on Linux, allowed to mount");
(mounted === undefined ? test.skip : test)("a read-only file system is refused with LOG_DIRECTORY", async () => {
  const where = mounted ?? "";
  try {
    assert.is(await codeOf(open(where)), "LOG_DIRECTORY");
    assert.is(await codeOf(open(path.join(where, "new"))), "LOG_DIRECTORY");
  } finally {
    execFileSync("umount", [where]);
  }
});

test.run();
