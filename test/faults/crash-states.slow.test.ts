import { test } from "uvu";
import { crashStatesTest } from "./crash/explore-test.js";

crashStatesTest({ states: 10_000, every: 5, seed: Number(process.env["CRASH_STATES_SEED"] ?? 1001) });
test.run();
