import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { retryOnRetention } from "../../src/maintenance/read-log.js";

const gone = new HitsError("OFFSET_GONE", "gone");
const missing = Object.assign(new Error("no such file"), { code: "ENOENT" });

/** Fails with these errors in turn, then succeeds; how often it was called. */
async function calls(errors: readonly Error[]): Promise<{ calls: number; outcome: unknown }> {
  let calls = 0;
  const read = async () => {
    const error = errors[calls++];
    if (error !== undefined) throw error;
    return "read";
  };
  const outcome: unknown = await retryOnRetention(read).catch((error: unknown) => error);
  return { calls, outcome };
}

test("a read that the server overtakes is repeated", async () => {
  assert.equal(await calls([]), { calls: 1, outcome: "read" });
  assert.equal(await calls([gone, missing, gone]), { calls: 4, outcome: "read" });
});

test("a read that never succeeds, or fails otherwise, rejects with the reason", async () => {
  const never = await calls(Array.from({ length: 100 }, () => gone));
  assert.is(never.outcome, gone);
  assert.ok(never.calls < 100);
  const other = new HitsError("LOG_FORMAT", "other");
  assert.equal(await calls([other]), { calls: 1, outcome: other });
});

test.run();
