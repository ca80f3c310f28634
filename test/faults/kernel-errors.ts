/** Errors by the kernel, instead of the N-th call of a run with rotations: strace skips the call, and returns EIO and the like. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type FaultOutcome, FaultRun, type Points } from "../support/fault-run.js";
import { canStrace } from "../support/strace.js";

const possible = canStrace();
if (!possible) console.log("SKIP errors at system calls: there is no strace, or it may not trace");

let run: FaultRun;
test.before(async () => {
  if (possible) run = await FaultRun.prepare();
});

/** Declares a test on the workload of all tests of a file; skipped where nothing can be traced. */
export function onStrace(name: string, body: (run: FaultRun) => Promise<void>): void {
  if (possible) test(name, () => body(run));
  else test.skip(name, () => undefined);
}

export const outcomesOf = ({ answers }: FaultOutcome) => [...new Set(answers.map(({ outcome }) => outcome))];
export const inBatch = (at: string | undefined) => at?.includes(".log>") === true && at.includes('"DHB1');

/** The codes of what ended a server, by its log. */
function fatal(stderr: string): unknown[] {
  const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
  const entries = lines.map((line) => JSON.parse(line) as { level: number; code?: unknown });
  return entries.filter(({ level }) => level === 60).map(({ code }) => code);
}

/** Checks for one of three outcomes: the server does not start, and logs why; the log fails, and all later hits are refused; or it continues. */
function check(outcome: FaultOutcome): void {
  const { name, at, listened, answers, ended } = outcome;
  const codes = fatal(ended.stderr);
  if (!listened) {
    assert.equal(codes, [ended.status === 78 ? "LOG_DIRECTORY" : "LOG_FAILED"], `${name}: ${ended.stderr}`);
    assert.ok(ended.status === 74 || ended.status === 78, `${name}: status ${ended.status}`);
    assert.not.match(name, /snapshot\.tmp|ftruncate/, "these only delay the next start");
    return;
  }
  if (ended.status === 74) {
    assert.equal(codes, ["LOG_FAILED"], `${name}: ${ended.stderr}`);
    const last = answers.at(-1);
    // The seal of a stop comes after the last answer.
    if (last?.outcome !== "counted") assert.match(last?.text ?? "", /"code":"LOG_FAILED"/, name);
    assert.not.match(name, /snapshot|ftruncate|O_CREAT|\/lock/, "these only delay the next start");
    return;
  }
  assert.is(ended.status, 0, `${name}: ${ended.stderr}`);
  assert.equal(codes, [], name);
  assert.not.ok(inBatch(at), `${name}: a failed batch went by`);
  const snapshotFailed = /cannot write (a|the last) snapshot/.test(ended.stderr);
  assert.not.match(name, /rename.*\.log"|O_DSYNC/, "without its name there is no segment");
  if (/fsync.*wal>/.test(name)) assert.ok(snapshotFailed, `${name}: without its name a segment is not durable`);
  if (outcomesOf(outcome).includes("refused")) {
    assert.match(name, /prepared\.tmp/, "only where there is no segment to write to");
    for (const { outcome: one, text } of answers) if (one === "refused") assert.match(text, /"code":"DISK_FULL"/, name);
  } else assert.is(answers.length, 26, name);
  if (/snapshot/.test(at ?? "")) assert.ok(snapshotFailed, `${name}: ${ended.stderr}`);
  if (/ftruncate.*\.log/.test(name)) assert.match(ended.stderr, /cannot cut a closed segment to its end/, name);
}

/** Declares the test with EIO instead of these calls. */
export function errorTest(points: Points): void {
  onStrace("EIO instead of a call: not started, failed or gone on, and exact after a start", async (run) => {
    const ends = new Map<string, number>();
    const chosen = run.points(points);
    for (const point of chosen) {
      const outcome = await run.run({ ...point, what: "error=EIO" });
      check(outcome);
      const end = outcome.at === undefined ? "no fault" : outcome.listened ? `${outcome.ended.status}` : "no start";
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    assert.ok((ends.get("no fault") ?? 0) <= chosen.length / 10, "hardly a fault came at its call: this proved little");
    for (const end of ["no start", "74", "0"]) assert.ok(ends.has(end), `${end}: ${[...ends]}`);
  });
}
