/** SIGKILL by the kernel right before the N-th write, sync, rename, open, unlink, truncate of a run with rotations. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FaultRun, type Points } from "../support/fault-run.js";
import { canStrace } from "../support/strace.js";

const possible = canStrace();
if (!possible) console.log("SKIP kills at system calls: there is no strace, or it may not trace");

/** Declares the test with kills at these calls; skipped where nothing can be traced. */
export function killTest(points: Points): void {
  const declare = possible ? test : test.skip;
  declare("killed at a call: exact after a start, and a second start changes nothing", async () => {
    const run = await FaultRun.prepare();
    const chosen = run.points(points);
    let killed = 0;
    for (const { call, when } of chosen) {
      const { ended } = await run.run({ call, when, what: "signal=SIGKILL" });
      if (ended.signal === "SIGKILL") killed++;
    }
    // The last calls of a kind may not come where a seal or a preparation came earlier or later than in the run that was traced.
    assert.ok(killed >= 0.9 * chosen.length - 1, `only ${killed} of ${chosen.length} were killed: this proved little`);
  });
}
