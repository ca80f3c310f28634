/**
 * Runs test files, each in a process of its own with a time limit, and adds up what uvu reports.
 *
 * - `npm test` runs the quick ones: all but `*.slow.test.ts`.
 * - `npm run test:slow` runs the others, `npm run test:all` both.
 * - `npm test -- wal/format http` runs those of all whose path contains one of the words.
 *
 * The last line is `N passed, N failed[, N skipped]`. Exit status 1 for a failed test, a crash, a file that ran no test
 * or took too long.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const SLOW = ".slow.test.ts";
const QUICK_LIMIT_MS = 300_000;
const SLOW_LIMIT_MS = 900_000;
/** For a file that is out of time: to remove its temporary files and mounts, before it is killed. */
const CLEAN_UP_MS = 5_000;
/** Many tests wait for time-outs, so one more than there are processors. */
const WORKERS = Math.min(availableParallelism(), 4) + 1;
const WINDOWS = process.platform === "win32";
const root = path.dirname(fileURLToPath(import.meta.url));

interface Outcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** The reason why the file as a whole failed: a crash, no tests, too slow. */
  readonly problem: string | undefined;
  readonly output: string;
}

const running = new Set<ChildProcess>();
const waiting: string[] = [];

/** Kills a test file and the processes that it started: they are one process group. */
function killGroup(child: ChildProcess): void {
  try {
    if (WINDOWS || child.pid === undefined) child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nothing of it runs any more.
  }
}

/** Ends a test file before its time. */
function end(child: ChildProcess): void {
  child.kill("SIGTERM");
  setTimeout(() => running.has(child) && killGroup(child), CLEAN_UP_MS).unref();
}

process.on("exit", () => {
  for (const child of running) killGroup(child);
});
// The terminal sends its signals to this process only: the test files are in groups of their own.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    waiting.length = 0;
    for (const child of running) end(child);
  });
}

function runFile(file: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const started = performance.now();
    const limit = file.endsWith(SLOW) ? SLOW_LIMIT_MS : QUICK_LIMIT_MS;
    const child = spawn(process.execPath, ["--import", "tsx", path.join(root, file)], {
      env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: !WINDOWS,
    });
    running.add(child);
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      end(child);
    }, limit);
    // What it leaves running would hold its output open.
    child.on("exit", () => killGroup(child));
    child.on("close", (status, signal) => {
      running.delete(child);
      clearTimeout(timer);
      const output = Buffer.concat(chunks).toString("utf8");
      const count = (word: string) => {
        const found = [...output.matchAll(new RegExp(`^\\s*${word}:\\s+(\\d+)\\s*$`, "gm"))];
        return found.length === 0 ? undefined : Number(found.at(-1)?.[1]);
      };
      const total = count("Total");
      const passed = count("Passed") ?? 0;
      const skipped = count("Skipped") ?? 0;
      const failed = (total ?? 0) - passed;
      let problem: string | undefined;
      if (timedOut) problem = `took more than ${limit / 1000} s and was killed`;
      else if (total === undefined) problem = `ended with ${signal ?? `status ${status}`} before it reported its tests`;
      else if (total + skipped === 0) problem = "has no test";
      else if (status !== 0 && failed === 0) problem = `ended with ${signal ?? `status ${status}`}`;
      resolve({ file, passed, failed, skipped, seconds: (performance.now() - started) / 1000, problem, output });
    });
  });
}

const shown = new Set<string>();

function report(outcome: Outcome): void {
  const failed = outcome.problem !== undefined || outcome.failed > 0;
  const counts = `${outcome.passed} passed${outcome.failed > 0 ? `, ${outcome.failed} failed` : ""}${outcome.skipped > 0 ? `, ${outcome.skipped} SKIPPED` : ""}`;
  console.log(`${failed ? "FAIL" : "ok  "} ${outcome.file}  ${counts}  ${outcome.seconds.toFixed(1)} s`);
  if (outcome.problem !== undefined) console.log(`     ${outcome.file} ${outcome.problem}`);
  if (failed) console.log(outcome.output.replace(/^/gm, "     | "));
  else {
    // A skip must be seen: tests that can't run here print a line that starts with SKIP. Several files print the same.
    for (const line of outcome.output.match(/^(SKIP|NOTE)\b.*$/gm) ?? []) {
      if (!shown.has(line)) console.log(`     ${line}`);
      shown.add(line);
    }
  }
}

const { values, positionals: words } = parseArgs({
  options: { quick: { type: "boolean" }, slow: { type: "boolean" }, all: { type: "boolean" } },
  allowPositionals: true,
});
const all = values.all === true || (words.length > 0 && !values.quick && !values.slow);

function isChosen(file: string): boolean {
  if (!all && file.endsWith(SLOW) !== (values.slow === true)) return false;
  return words.length === 0 || words.some((word) => file.includes(word));
}

/** The folders whose files take longest begin first, so that no long one is left for the end. */
const FIRST = [
  "faults/mongodb-",
  "package",
  "faults/",
  "docs/",
  "projection/mongo/",
  "http/",
  "cli/",
  "mongodb-support/",
];
function rank(file: string): number {
  const at = FIRST.findIndex((folder) => file.startsWith(folder));
  return at < 0 ? FIRST.length : at;
}

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.split(path.sep).join("/"))
  .filter((file) => file.endsWith(".test.ts") && isChosen(file))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));

// Many tests start real processes of the build, as users run it.
if (files.length > 0) {
  execFileSync("npm", ["run", "-s", "build"], { cwd: path.dirname(root), stdio: "inherit", shell: WINDOWS });
}

const outcomes: Outcome[] = [];
waiting.push(...files);
async function work(): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const outcome = await runFile(file);
    outcomes.push(outcome);
    report(outcome);
  }
}
await Promise.all(Array.from({ length: WORKERS }, work));

const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
const passed = sum((outcome) => outcome.passed);
// A file that crashed, hung or has no test counts as a failure of its own.
const failed = sum((outcome) => outcome.failed + (outcome.problem === undefined ? 0 : 1));
const skipped = sum((outcome) => outcome.skipped);
if (files.length === 0) console.log(`no test file matches ${words.join(" ")}`);
if (failed > 0 || files.length === 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
