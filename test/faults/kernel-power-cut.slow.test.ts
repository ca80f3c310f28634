import { test } from "uvu";
import { powerCutTest } from "./kernel-power-cut.js";

await powerCutTest(Number(process.env["POWER_CUTS"] ?? 12));
test.run();
