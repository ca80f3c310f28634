/**
 * Runs every test file in a process of its own, with a time limit, two at a time, and adds up what uvu reports.
 * `npm test` runs all; `npm test -- wal/format http` those whose path contains one of the words.
 * The last line is `N passed, N failed[, N skipped]`. Exit status 1 for a failed test, a crash, a file that ran no test
 * or took too long.
 */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const TIME_LIMIT_MS = 300_000;
const root = path.dirname(fileURLToPath(import.meta.url));

interface Outcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Why the file as a whole failed: a crash, no tests, too slow. */
  readonly problem: string | undefined;
  readonly output: string;
}

function runFile(file: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, ["--import", "tsx", path.join(root, file)], {
      env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, TIME_LIMIT_MS);
    child.on("close", (status, signal) => {
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
      if (timedOut) problem = `took more than ${TIME_LIMIT_MS / 1000} s and was killed`;
      else if (total === undefined) problem = `ended with ${signal ?? `status ${status}`} before it reported its tests`;
      else if (total + skipped === 0) problem = "holds no test";
      else if (status !== 0 && failed === 0) problem = `ended with ${signal ?? `status ${status}`}`;
      resolve({ file, passed, failed, skipped, seconds: (performance.now() - started) / 1000, problem, output });
    });
  });
}

function report(outcome: Outcome): void {
  const failed = outcome.problem !== undefined || outcome.failed > 0;
  const counts = `${outcome.passed} passed${outcome.failed > 0 ? `, ${outcome.failed} failed` : ""}${outcome.skipped > 0 ? `, ${outcome.skipped} SKIPPED` : ""}`;
  console.log(`${failed ? "FAIL" : "ok  "} ${outcome.file}  ${counts}  ${outcome.seconds.toFixed(1)} s`);
  if (outcome.problem !== undefined) console.log(`     ${outcome.file} ${outcome.problem}`);
  if (failed) console.log(outcome.output.replace(/^/gm, "     | "));
  // A skip must be seen: tests that can't run here print a line that starts with SKIP.
  else for (const line of outcome.output.match(/^(SKIP|NOTE)\b.*$/gm) ?? []) console.log(`     ${line}`);
}

const words = process.argv.slice(2);
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.split(path.sep).join("/"))
  .filter((file) => file.endsWith(".test.ts") && (words.length === 0 || words.some((word) => file.includes(word))))
  .sort();

// What test/faults and test/docs start are real processes of the build, as users run it.
if (files.some((file) => file.startsWith("faults/") || file.startsWith("docs/"))) {
  execFileSync("npm", ["run", "-s", "build"], {
    cwd: path.dirname(root),
    stdio: "inherit",
    shell: process.platform === "win32",
  });
}

const outcomes: Outcome[] = [];
const waiting = [...files];
async function work(): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const outcome = await runFile(file);
    outcomes.push(outcome);
    report(outcome);
  }
}
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));

const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
const passed = sum((outcome) => outcome.passed);
// A file that crashed, hung or holds no test counts as a failure of its own.
const failed = sum((outcome) => outcome.failed + (outcome.problem === undefined ? 0 : 1));
const skipped = sum((outcome) => outcome.skipped);
if (files.length === 0) console.log(`no test file matches ${words.join(" ")}`);
if (failed > 0 || files.length === 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
