import { test } from "uvu";
import * as assert from "uvu/assert";
import { takeChanceAndTime } from "./crash/determinism.js";
import { explore } from "./crash/explore.js";

/**
 * Every state that a crash may leave of a recorded workload holds what is promised: crash/check.ts says what that is,
 * crash/workload.ts what happens, crash/states.ts which states there are. `npm run crash-states` does more of it.
 */
const STATES = 5000;
/** Of the states of each workload, so that they are of some thirty. */
const EVERY = 5;
const seed = Number(process.env["CRASH_STATES_SEED"] ?? 1);

test(`${STATES} crash states, from seed ${seed}`, async () => {
  const explored = await explore(seed, takeChanceAndTime(), EVERY, (done) => done < STATES);
  assert.is(explored.states, STATES);
  assert.ok(explored.workloads > 10);
});

console.log(`NOTE crash states from seed ${seed}; CRASH_STATES_SEED sets another`);
test.run();
