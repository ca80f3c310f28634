import { test } from "uvu";
import { crashStatesTest } from "./crash/explore-test.js";

crashStatesTest({ states: 1000, every: 10, seed: 1 });
test.run();
