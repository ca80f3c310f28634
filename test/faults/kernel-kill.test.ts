import { test } from "uvu";
import { killTest } from "./kernel-kill.js";

killTest({ pwrite64: 4, fdatasync: 3, fsync: 1, rename: 2, openat: 1, unlink: 1, ftruncate: 1, mkdir: 0 });
test.run();
