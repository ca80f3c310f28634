import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { runWalCommand } from "../../../src/cli/wal/wal-command.js";
import type { Hit } from "../../../src/model/hit.js";
import { writeSnapshot } from "../../../src/projection/snapshot/snapshot.js";
import type { SnapshotFacts } from "../../../src/projection/snapshot/snapshot-format.js";
import { Totals } from "../../../src/projection/totals.js";
import { Log } from "../../../src/wal/log.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { LogReader } from "../../../src/wal/log-reader.js";
import { readHeaderIfThere } from "../../../src/wal/segment-header.js";
import { encodeHits } from "../../support/encode-hits.js";

export const SEGMENT_BYTES = 64 * 1024;
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

/** Runs `body` with a directory of its own, removed afterwards. */
export async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "wal-cli-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Opens the log of a directory for writing. The lock is not what these tests are about. */
export function openLog(directory: string, segmentBytes = SEGMENT_BYTES): Promise<Log> {
  const lock = () => Promise.resolve({ release: () => Promise.resolve() });
  return Log.open({ directory: new LogDirectory(directory), segmentBytes, maxQueuedBytes: 64 * 1024 * 1024, lock });
}

/** Appends hits as one batch; the offset of the first, once they are durable. */
export function append(log: Log, hits: readonly Hit[]): Promise<number> {
  return new Promise((resolve, reject) => {
    log.append({ bytes: encodeHits(hits), count: hits.length, durable: resolve, failed: reject });
  });
}

/** Appends bytes as one record, whatever they are. */
export function appendRaw(log: Log, record: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.concat([Buffer.from([record.length]), record]);
    log.append({ bytes, count: 1, durable: resolve, failed: reject });
  });
}

/** `count` hits of one counter, with payloads so that a few dozen fill a segment. */
export function bulky(counter: string, count: number): Hit[] {
  const payload = JSON.stringify({ filler: "x".repeat(1000) });
  return Array.from({ length: count }, () => ({ counter, n: 1, payload }));
}

/** A log of several closed segments and an active one: 400 hits of `a` and `b` in batches of 20, closed in order. */
export async function rotatedLog(directory: string): Promise<void> {
  const log = await openLog(directory);
  for (let batch = 0; batch < 20; batch++) await append(log, bulky(batch % 2 === 0 ? "a" : "b", 20));
  await log.close();
}

/** Writes a snapshot of all that is in the log now, with these facts changed. */
export async function snapshot(directory: string, changed: Partial<SnapshotFacts> = {}): Promise<string> {
  const totals = new Totals();
  const reader = new LogReader({ directory: new LogDirectory(directory), from: undefined });
  let facts = { logId: "", epoch: 0, nonce: "", offset: 0, created: new Date().toISOString(), asOf: null, damage: [] };
  for (let step = await reader.next(); !("end" in step); step = await reader.next()) {
    if (!("batch" in step)) continue;
    facts = { ...facts, offset: step.batch.endOffset };
    totals.fold(step.batch);
  }
  await reader.close();
  const log = await newestHeader(directory);
  const full = { ...facts, logId: log.logId, epoch: log.epoch, nonce: log.nonce, ...changed };
  return path.join(
    directory,
    "snapshots",
    await writeSnapshot(new LogDirectory(directory), { facts: full, image: totals.image() }),
  );
}

async function newestHeader(directory: string) {
  const base = Number.parseInt(path.basename(segments(directory).at(-1) ?? ""), 10);
  const header = await readHeaderIfThere(new LogDirectory(directory), base);
  if (header === undefined) throw new Error("the newest header is damaged");
  return header;
}

/** Returns the first byte after the last valid batch of the newest segment. */
export async function endByte(directory: string): Promise<number> {
  const reader = new LogReader({ directory: new LogDirectory(directory), from: undefined });
  try {
    for (;;) {
      const step = await reader.next();
      if ("end" in step) return step.end.byte;
    }
  } finally {
    await reader.close();
  }
}

/** Paths of the segment files, oldest first. */
export function segments(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /^\d{20}\.log$/.test(name));
  return names.sort().map((name) => path.join(directory, name));
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in this process, on a directory. */
export function wal(directory: string, ...args: string[]): Promise<Ran> {
  return walWith({ WAL_DIR: directory }, ...args);
}

/** The same, with whatever settings. */
export async function walWith(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<Ran> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const status = await runWalCommand(args, environment, { stdout, stderr });
  return { status, stdout: stdout.text, stderr: stderr.text };
}

class Collected extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}

/** The lines of an output as JSON values. */
export function jsonLines<T>(text: string): T[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as T);
}

/** Starts a command in a process of its own. */
export function startWal(
  directory: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): ChildProcessWithoutNullStreams {
  const command = [...nodeOptions, "--import", "tsx", path.join(root, "src/bin.ts"), "wal", ...args];
  return spawn(process.execPath, command, { cwd: root, env: { ...process.env, WAL_DIR: directory } });
}

/** Waits for a process to end, with what it wrote. */
export function ended(child: ChildProcessWithoutNullStreams): Promise<Ran> {
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, stdout, stderr })));
}

/** Resolves once `condition` is true; rejects if it is not after ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ten seconds for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Changes one byte of a file, counted from its end where negative. */
export function flipByte(file: string | undefined, at: number): void {
  const bytes = readFileSync(file ?? "");
  const place = at < 0 ? bytes.length + at : at;
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x01, place);
  writeFileSync(file ?? "", bytes);
}
