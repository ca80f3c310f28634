import { test } from "uvu";
import { interleavingTests } from "./interleavings.js";

const seed = process.env["SEED"];
interleavingTests(Number(seed ?? 1), seed === undefined ? 80 : 1);
test.run();
