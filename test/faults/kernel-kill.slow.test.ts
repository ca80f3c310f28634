import { test } from "uvu";
import { killTest } from "./kernel-kill.js";

killTest("all");
test.run();
