import { test } from "uvu";
import { interleavingTests } from "./interleavings.js";

interleavingTests(1001, Number(process.env["SEEDS"] ?? 350));
test.run();
