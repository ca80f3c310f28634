import { test } from "uvu";
import { errorTest } from "./kernel-errors.js";

errorTest("all");
test.run();
