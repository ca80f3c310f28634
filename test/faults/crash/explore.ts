import { checkState } from "./check.js";
import type { Determinism } from "./determinism.js";
import { nameOf, parseState, rebuild, type State, statesOf } from "./states.js";
import { type Recording, record } from "./workload.js";

/**
 * Checks the states of one workload after another, from a seed on, until told to stop; how many were checked. Of each
 * workload's states only every so many: more workloads in the same time.
 */
export async function explore(
  seed: number,
  determinism: Determinism,
  every: number,
  goesOn: (states: number) => boolean,
): Promise<{ states: number; workloads: number }> {
  let states = 0;
  let workloads = 0;
  for (; goesOn(states); workloads++) {
    const recording = await recordOrSay(seed + workloads, determinism);
    let passed = workloads;
    for (const { state, fs } of statesOf(recording, seed + workloads)) {
      if (passed++ % every !== 0) continue;
      if (!goesOn(states)) break;
      await check(
        state,
        () => checkState(fs, recording.ledger.at(state.done, recording.fs.record), seedOf(state)),
        determinism,
      );
      states++;
    }
  }
  return { states, workloads };
}

/** Rebuilds one state by its name, and checks it. */
export async function checkOne(name: string, determinism: Determinism): Promise<void> {
  const state = parseState(name);
  const recording = await record(state.seed, determinism);
  const fs = rebuild(recording, state);
  await check(
    state,
    () => checkState(fs, recording.ledger.at(state.done, recording.fs.record), seedOf(state)),
    determinism,
  );
}

async function recordOrSay(seed: number, determinism: Determinism): Promise<Recording> {
  try {
    return await record(seed, determinism);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const again = `to run it again: npm run crash-states -- --seed ${seed} --states 1`;
    throw new Error(`the workload of seed ${seed} itself: ${why}\n${again}`, { cause: error });
  }
}

async function check(state: State, run: () => Promise<void>, determinism: Determinism): Promise<void> {
  determinism.seed(seedOf(state));
  try {
    await run();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `crash state ${nameOf(state)}: ${why}\nto rebuild it: npm run crash-states -- --state ${nameOf(state)}`,
      {
        cause: error,
      },
    );
  }
}

function seedOf({ seed, done, partial, crash }: State): number {
  const how = typeof crash === "string" ? crash.length : crash.seed;
  return (
    Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(done + 1, 0x85ebca6b) ^ Math.imul((partial ?? -1) + how, 0xc2b2ae35)
  );
}
