import { test } from "uvu";
import { killLoopTest } from "./kill-loop.js";

await killLoopTest(8);
test.run();
