/**
 * Explores crash states until stopped: `npm run crash-states -- --seconds 60 [--seed S]`, or `--states N`; `--every K` takes only every
 * K-th state of a workload, and so more workloads. Prints how many were checked. The first that does not hold ends it,
 * with the line that rebuilds exactly that state: `npm run crash-states -- --state NAME`.
 */
import { parseArgs } from "node:util";
import { takeChanceAndTime } from "./crash/determinism.js";
import { checkOne, explore } from "./crash/explore.js";

const options = {
  seconds: { type: "string" },
  states: { type: "string" },
  seed: { type: "string" },
  every: { type: "string" },
  state: { type: "string" },
} as const;
const { values } = parseArgs({ options });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const seconds = Number(values.seconds ?? (values.states === undefined ? 10 : Number.POSITIVE_INFINITY));
const most = Number(values.states ?? Number.POSITIVE_INFINITY);
const every = Number(values.every ?? 1);
if (!Number.isInteger(seed) || !(every >= 1) || Number.isNaN(seconds) || Number.isNaN(most)) {
  throw new Error("--seconds, --states, --seed and --every take numbers");
}
const determinism = takeChanceAndTime();
const started = performance.now();

try {
  if (values.state !== undefined) {
    await checkOne(values.state, determinism);
    console.log(`crash state ${values.state} holds`);
  } else {
    console.log(`seed ${seed}`);
    let told = 0;
    const { states, workloads } = await explore(seed, determinism, every, (done) => {
      if (done >= told + 10_000) {
        told = done;
        console.log(`${told} states`);
      }
      return done < most && performance.now() - started < seconds * 1000;
    });
    const took = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${states} crash states of ${workloads} workloads hold, seed ${seed}, ${took} s`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof Error && error.cause instanceof Error) console.error(error.cause.stack);
  process.exitCode = 1;
}
