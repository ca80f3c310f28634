import { test } from "uvu";
import { killLoopTest } from "./kill-loop.js";

await killLoopTest(Number(process.env["KILLS"] ?? 50));
test.run();
