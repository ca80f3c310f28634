/** SIGKILL by the kernel right before the N-th write, sync, rename, open, unlink, truncate of a run with rotations. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FaultRun } from "../support/fault-run.js";
import { canStrace } from "../support/strace.js";

/** Of each kind in the ordinary suite; FAULTS=all takes every one. */
const MOST = { pwrite64: 8, fdatasync: 6, fsync: 4, rename: 4, openat: 5, unlink: 3, ftruncate: 2, mkdir: 1 };

const possible = canStrace();
if (!possible) console.log("SKIP kills at system calls: there is no strace, or it may not trace");

(possible ? test : test.skip)("killed at a call: exact after a start, and a second start changes nothing", async () => {
  const run = await FaultRun.prepare();
  const points = run.points(MOST);
  let killed = 0;
  for (const { call, when } of points) {
    const { ended } = await run.run({ call, when, what: "signal=SIGKILL" });
    if (ended.signal === "SIGKILL") killed++;
  }
  // The last calls of a kind may not come where a seal or a preparation came earlier or later than in the run that was traced.
  assert.ok(killed >= points.length - 3, `only ${killed} of ${points.length} were killed: this proved little`);
});

test.run();
