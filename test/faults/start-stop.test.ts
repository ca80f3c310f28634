import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts } from "../support/ledger-client.js";
import { failedStart, ServerProcess, temporaryDirectory } from "../support/server-process.js";

const hit = (server: ServerProcess) => fetch(`${server.url}/hits/home`, { method: "POST" });

test("settings that don't parse: one line that names variable, value and what is expected; status 78", async () => {
  for (const [name, value] of [
    ["PORT", "http"],
    ["WAL_SEGMENT_BYTES", "1KiB"],
    ["MAX_COUNTERS", "-5"],
  ] as const) {
    const end = await failedStart({ WAL_DIR: `${temporaryDirectory()}/wal`, [name]: value });
    assert.is(end.status, 78);
    assert.match(end.stderr, new RegExp(`^${name}=${value}: must be .*\n$`));
    assert.is(end.stdout, "");
  }
});

test("a WAL_DIR that is a file, or holds something else: status 78, nothing touched", async () => {
  const directory = temporaryDirectory();
  const file = path.join(directory, "file");
  writeFileSync(file, "mine");
  const asFile = await failedStart({ WAL_DIR: file });
  assert.is(asFile.status, 78);
  assert.match(asFile.stderr, /cannot be used as a log directory/);
  assert.is(readFileSync(file, "utf8"), "mine");
  const full = await failedStart({ WAL_DIR: directory });
  assert.is(full.status, 78);
  assert.match(full.stderr, /has files that are not a log's \(file\)/);
  assert.equal(readdirSync(directory), ["file"]);
});

test("a README and a .gitignore in WAL_DIR are fine", async () => {
  const directory = temporaryDirectory();
  writeFileSync(path.join(directory, "README.md"), "");
  writeFileSync(path.join(directory, ".gitignore"), "*");
  const server = await ServerProcess.start({ WAL_DIR: directory });
  assert.is((await hit(server)).status, 202);
  assert.is((await server.stop()).status, 0);
});

test("a log of another format version: status 74, nothing touched", async () => {
  const directory = temporaryDirectory();
  const server = await ServerProcess.start({ WAL_DIR: directory });
  await hit(server);
  await server.stop();
  const [segment] = readdirSync(directory).filter((name) => name.endsWith(".log"));
  const file = path.join(directory, segment ?? "");
  const bytes = readFileSync(file);
  bytes.writeUInt32LE(2, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 96)), 96);
  writeFileSync(file, bytes);
  const end = await failedStart({ WAL_DIR: directory });
  assert.is(end.status, 74);
  assert.match(end.stderr, /"code":"LOG_FORMAT".*format version 2/);
  assert.ok(readFileSync(file).equals(bytes));
});

test("a locked WAL_DIR: status 75, and the first server continues", async () => {
  const directory = temporaryDirectory();
  const first = await ServerProcess.start({ WAL_DIR: directory });
  await hit(first);
  const second = await failedStart({ WAL_DIR: directory });
  assert.is(second.status, 75);
  assert.match(second.stderr, new RegExp(`is in use by process ${first.child.pid} `));
  assert.is(((await (await hit(first)).json()) as { count: number }).count, 2);
  await first.stop();
});

test("a port that is taken: a clear line, and the log is free again", async () => {
  const first = await ServerProcess.start({ WAL_DIR: `${temporaryDirectory()}/wal` });
  const directory = temporaryDirectory();
  const end = await failedStart({ WAL_DIR: directory, PORT: new URL(first.url).port });
  assert.is(end.status, 69);
  assert.match(end.stderr, /EADDRINUSE|in use/);
  const second = await ServerProcess.start({ WAL_DIR: directory });
  await Promise.all([first.stop(), second.stop()]);
});

test("SIGTERM: what is in flight is answered, a snapshot is written, status 0 within 8 s, despite idle and slow clients", async () => {
  const directory = temporaryDirectory();
  const server = await ServerProcess.start({ WAL_DIR: directory });
  for (let i = 0; i < 5; i++) await hit(server);
  const stream = await fetch(`${server.url}/events?counter=home`);
  const slow = connect(Number(new URL(server.url).port), "127.0.0.1");
  slow.on("error", () => undefined);
  slow.write("POST /hits/home HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  const hits = Array.from({ length: 50 }, () => hit(server));
  const inFlight = Promise.allSettled(hits);
  await Promise.any(hits);
  const started = performance.now();
  const end = await server.stop();
  assert.is(end.status, 0);
  assert.ok(performance.now() - started < 8000);
  await stream.body?.cancel().catch(() => undefined);
  slow.destroy();
  const answered = (await inFlight).filter((one) => one.status === "fulfilled" && one.value.status === 202).length;
  assert.is(readdirSync(path.join(directory, "snapshots")).length, 1);
  const again = await ServerProcess.start({ WAL_DIR: directory });
  const count = (await allCounts(again.url)).get("home") ?? 0;
  assert.ok(count >= 5 + answered && count <= 55, `${count} counted, ${answered} of 50 answered`);
  await again.stop();
});

test("a second signal exits at once", async () => {
  const server = await ServerProcess.start({ WAL_DIR: `${temporaryDirectory()}/wal` });
  const slow = connect(Number(new URL(server.url).port), "127.0.0.1");
  slow.on("error", () => undefined);
  slow.write("POST /hits/home HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  await fetch(`${server.url}/healthz`);
  const stopping = server.logs(/"signal":"SIGINT"/);
  server.child.kill("SIGINT");
  await stopping;
  // A signal sooner than this is taken for the same one, which npm and the terminal both sent.
  await sleep(300);
  assert.is(server.child.exitCode, null, "it waits for the slow request");
  server.child.kill("SIGINT");
  assert.is((await server.ended).status, 1);
  slow.destroy();
});

/** Mounts a tmpfs of its own for a test; undefined where this machine or user can't. */
function mountTmpfs(
  options: string,
): { directory: string; remount(options: string): void; unmount(): void } | undefined {
  const directory = path.join(temporaryDirectory(), "mount");
  mkdirSync(directory);
  if (process.platform !== "linux") return undefined;
  if (spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]).status !== 0) return undefined;
  return {
    directory,
    remount: (more) => void execFileSync("mount", ["-o", `remount,${more}`, directory]),
    unmount: () => void spawnSync("umount", ["-l", directory]),
  };
}

const canMount = (() => {
  const probe = mountTmpfs("size=64k");
  probe?.unmount();
  return probe !== undefined;
})();
if (!canMount) console.log("SKIP a full disk and a read-only mount: this user can't mount a tmpfs");
const onMount = canMount ? test : test.skip;

onMount("a WAL_DIR on a read-only mount: status 78, a clear line", async () => {
  const mount = mountTmpfs("size=4m");
  if (mount === undefined) throw new Error("no mount");
  try {
    mount.remount("ro");
    const end = await failedStart({ WAL_DIR: path.join(mount.directory, "wal") });
    assert.is(end.status, 78);
    assert.match(end.stderr, /read-only/i);
    mount.remount("rw");
    const server = await ServerProcess.start({ WAL_DIR: mount.directory, WAL_SEGMENT_BYTES: "64KiB" });
    await hit(server);
    await server.stop();
    mount.remount("ro");
    const existing = await failedStart({ WAL_DIR: mount.directory });
    assert.is(existing.status, 78);
    assert.match(existing.stderr, /read-only/i);
  } finally {
    mount.unmount();
  }
});

onMount("a full disk: refused with DISK_FULL, not counted, and accepted again when there is room", async () => {
  const mount = mountTmpfs("size=256k");
  if (mount === undefined) throw new Error("no mount");
  try {
    const server = await ServerProcess.start({ WAL_DIR: mount.directory, WAL_SEGMENT_BYTES: "64KiB" });
    const body = JSON.stringify({ text: "x".repeat(8000) });
    const headers = { "content-type": "application/json" };
    let accepted = 0;
    let refused: Response | undefined;
    for (let sent = 0; sent < 100 && refused === undefined; sent++) {
      const answer = await fetch(`${server.url}/hits/home`, { method: "POST", body, headers });
      if (answer.status === 202) accepted++;
      else refused = answer;
    }
    assert.is(refused?.status, 503);
    assert.ok(refused?.headers.get("retry-after"));
    assert.is(((await refused?.json()) as { code: string } | undefined)?.code, "DISK_FULL");
    assert.ok(accepted > 5);
    assert.is(
      (await allCounts(server.url)).get("home"),
      accepted,
      "reads still work, and what was refused isn't counted",
    );
    assert.is((await fetch(`${server.url}/healthz`)).status, 200);

    mount.remount("size=2m");
    let status = 503;
    for (let tried = 0; tried < 100 && status === 503; tried++) {
      await sleep(100);
      status = (await fetch(`${server.url}/hits/home`, { method: "POST", body, headers })).status;
    }
    assert.is(status, 202, "accepting resumed");
    await server.kill();
    const again = await ServerProcess.start({ WAL_DIR: mount.directory, WAL_SEGMENT_BYTES: "64KiB" });
    assert.is((await allCounts(again.url)).get("home"), accepted + 1);
    await again.stop();
  } finally {
    mount.unmount();
  }
});

test.run();
