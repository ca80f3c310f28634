import { test } from "uvu";
import * as assert from "uvu/assert";
import { errorTest, inBatch, onStrace, outcomesOf } from "./kernel-errors.js";

errorTest({ pwrite64: 3, fdatasync: 2, fsync: 1, rename: 1, openat: 3, unlink: 1, ftruncate: 1, mkdir: 1 });

onStrace("a batch: an error, and a write of nothing, are final; an interrupted call is made again", async (run) => {
  const batch = run.indexOf("pwrite64", [".log>", '"DHB1'], 8);
  for (const [what, when] of [
    ["error=EIO", batch],
    ["error=EIO", `${batch}+`],
    ["error=ENOSPC", batch],
    ["error=EROFS", batch],
    ["retval=0", batch],
  ] as const) {
    const outcome = await run.run({ call: "pwrite64", when: `${when}`, what });
    assert.ok(inBatch(outcome.at), outcome.name);
    assert.equal(outcomesOf(outcome), ["counted", "unknown"], outcome.name);
    assert.is(outcome.ended.status, 74, outcome.name);
  }
  const interrupted = await run.run({ call: "pwrite64", when: `${batch}`, what: "error=EINTR" });
  assert.equal(outcomesOf(interrupted), ["counted"], interrupted.name);
  assert.is(interrupted.ended.status, 0);
});

onStrace("no room for the next segment: DISK_FULL, nothing of it counted, and gone on without an end", async (run) => {
  const zeros = run.indexOf("pwrite64", ["prepared.tmp>", '"\\0\\0\\0'], 2);
  const created = run.indexOf("openat", ["prepared.tmp", "O_CREAT"], 2);
  for (const injection of [
    { call: "pwrite64", when: `${zeros}`, what: "error=ENOSPC" },
    { call: "openat", when: `${created}`, what: "error=ENOSPC" },
    { call: "openat", when: `${created}`, what: "error=EDQUOT" },
  ] as const) {
    const outcome = await run.run(injection);
    assert.match(outcome.at ?? "", /prepared\.tmp/, outcome.name);
    assert.equal(outcomesOf(outcome), ["counted", "refused"], outcome.name);
    assert.is(outcome.ended.status, 0, outcome.name);
  }
});

test.run();
