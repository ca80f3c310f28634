import { test } from "uvu";
import { powerCutTest } from "./kernel-power-cut.js";

await powerCutTest(3);
test.run();
