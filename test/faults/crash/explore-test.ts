import { test } from "uvu";
import * as assert from "uvu/assert";
import { takeChanceAndTime } from "./determinism.js";
import { explore } from "./explore.js";

export interface Exploration {
  readonly states: number;
  /** One of so many states of each workload is checked. */
  readonly every: number;
  readonly seed: number;
}

/**
 * Declares the test that states which a crash may leave of recorded workloads keep the promises: check.ts says which
 * those are, workload.ts what happens, states.ts which states there are. `npm run crash-states` does more of it.
 */
export function crashStatesTest({ states, every, seed }: Exploration): void {
  test(`${states} crash states, from seed ${seed}`, async () => {
    const explored = await explore(seed, takeChanceAndTime(), every, (done) => done < states);
    assert.is(explored.states, states);
    assert.ok(explored.workloads > 10);
  });
}
