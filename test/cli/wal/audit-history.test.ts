import { rmSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AuditReport, auditLog } from "../../../src/maintenance/audit/audit-log.js";
import type { AuditedStore } from "../../../src/maintenance/audit/database-side.js";
import { parseDocument } from "../../../src/projection/mongo/document.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { append, bulky, flipByte, inDirectory, openLog, rotatedLog, segments, snapshot } from "./harness.js";

/** Slots by counter, `[offset, count]`, as a database would have them. */
type Slots = Record<string, readonly [offset: number, count: number]>;

function audit(directory: string, logId: string, slots: Slots, checkpoint: number): Promise<AuditReport> {
  const documents = Object.entries(slots).map(([_id, [offset, count]]) =>
    parseDocument({ _id, count, logs: { [logId]: { offset, count } } }),
  );
  const store: AuditedStore = {
    readCheckpoint: async () => ({ offset: checkpoint, epoch: 1, nonce: "00" }),
    scan: async () => ({ documents, next: undefined }),
    series: { scan: async () => ({ documents: [], next: undefined }) },
  };
  return auditLog(new LogDirectory(directory), logId, store);
}

/** Returns the findings, counter by counter. */
async function findings(directory: string, logId: string, slots: Slots, checkpoint: number): Promise<string[]> {
  const { differing, unjudged } = (await audit(directory, logId, slots, checkpoint)).audit;
  return [
    ...differing.map(
      ({ kind, counter, expected, bound, found }) => `${kind} ${counter}: ${bound} ${expected}, ${found}`,
    ),
    ...unjudged.map(({ counter, offset }) => `unjudged ${counter} at ${offset}`),
  ];
}

/**
 * A log that ends at 420, with snapshots at 200 and 400, whose segments below the first are gone: batches of 20 hits of `a`
 * and `b` in turn, 100 of each up to 200, 200 up to 400, and 20 more of `a`. Its id.
 */
async function forgetful(directory: string): Promise<string> {
  const log = await openLog(directory);
  for (let batch = 0; batch < 10; batch++) await append(log, bulky(batch % 2 === 0 ? "a" : "b", 20));
  await snapshot(directory);
  for (let batch = 0; batch < 10; batch++) await append(log, bulky(batch % 2 === 0 ? "a" : "b", 20));
  await snapshot(directory);
  await append(log, bulky("a", 20));
  await log.close();
  const bases = segments(directory).map((file) => Number.parseInt(file.slice(-24), 10));
  for (const [index, file] of segments(directory).entries()) if ((bases[index + 1] ?? 999) <= 200) rmSync(file);
  return log.id;
}

test("history begins at the oldest snapshot that the log continues from", async () => {
  await inDirectory(async (directory) => {
    const logId = await forgetful(directory);
    const { log, audit: found } = await audit(directory, logId, { a: [300, 160], b: [420, 200] }, 300);
    // Of a: 40 hits up to 400, and 20 after it.
    assert.equal([log.from, log.end, found.exact, found.pending, found.pendingCounters], [200, 420, true, 60, 1]);
    assert.equal(await findings(directory, logId, { a: [300, 161], b: [420, 199] }, 0), [
      "slot a: exactly 160, 161",
      "slot b: exactly 200, 199",
    ]);
  });
});

test("a slot older than the history: exact if the totals prove it, wrong if they prove that, else unjudged", async () => {
  await inDirectory(async (directory) => {
    const logId = await forgetful(directory);
    const b = [420, 200] as const;
    // The total did not rise from offset 190 to the snapshot's, 200.
    assert.equal(await findings(directory, logId, { a: [190, 100], b }, 200), []);
    assert.equal(await findings(directory, logId, { a: [190, 101], b }, 100), ["slot a: at most 100, 101"]);
    assert.equal(await findings(directory, logId, { a: [190, 99], b }, 100), ["unjudged a at 190"]);
    // Below a checkpoint that the history covers nothing may be missing, whatever the slot's offset.
    assert.equal(await findings(directory, logId, { a: [190, 99], b }, 200), ["missing a: at least 100, 99"]);
    // A certain difference takes precedence over an unjudged slot.
    assert.equal(await findings(directory, logId, { a: [190, 99], b: [420, 3] }, 100), [
      "slot b: exactly 200, 3",
      "unjudged a at 190",
    ]);
  });
});

test("no document: missing, pending or unjudged, depending on the checkpoint", async () => {
  await inDirectory(async (directory) => {
    const logId = await forgetful(directory);
    const slots = { b: [420, 200] } as const;
    assert.equal(await findings(directory, logId, slots, 200), ["missing a: at least 100, 0"]);
    assert.equal(await findings(directory, logId, slots, 100), ["unjudged a at 100"]);
    const owed = await audit(directory, logId, slots, 0);
    assert.equal([owed.audit.exact, owed.audit.pending], [true, 220]);
  });
});

test("a snapshot that is damaged, or was taken after damage, is no history", async () => {
  await inDirectory(async (directory) => {
    const logId = await forgetful(directory);
    flipByte(`${directory}/snapshots/00000000000000000200.snapshot`, -8);
    const { log } = await audit(directory, logId, { a: [420, 220], b: [420, 200] }, 420);
    assert.is(log.from, 400);
  });
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const damage = [{ file: "x.log", byte: 1, from: 20, to: 40, expected: "a", found: "b" }];
    await snapshot(directory, { damage });
    rmSync(segments(directory)[0] ?? "");
    let message = "";
    await audit(directory, "x", {}, 0).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, /no history to compare with: offset 0 is no longer in .* and there is no such snapshot$/);
  });
});

test("damage: counters below it are judged, those after it are not, unless they differ whatever was lost", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(segments(directory)[0], 30_000);
    // The second batch, 20 hits of b from offset 20 on, can't be read.
    const { log } = await audit(directory, "x", {}, 0);
    assert.equal([log.from, log.damagedFrom, log.end], [0, 20, 400]);
    const at = (a: Slots[string], b: Slots[string], checkpoint: number) =>
      findings(directory, "x", { a, b }, checkpoint);
    assert.equal(await at([20, 20], [20, 0], 20), []);
    assert.equal(await at([20, 19], [20, 0], 20), ["slot a: exactly 20, 19"]);
    assert.equal(await at([400, 200], [400, 200], 20), ["unjudged a at 400", "unjudged b at 400"]);
    assert.equal(await at([400, 199], [20, 0], 20), ["slot a: at least 200, 199"]);
    assert.equal(await at([20, 20], [20, 0], 40), ["unjudged a at 40", "unjudged b at 40"]);
  });
});

test("a log whose newest segment is gone: its end is unknown, so nothing is past it", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    rmSync(segments(directory).at(-1) ?? "");
    assert.equal(await findings(directory, "x", { a: [400, 200] }, 0), ["unjudged a at 400"]);
    assert.equal(await findings(directory, "x", { a: [400, 100] }, 0), ["slot a: at least 180, 100"]);
  });
});

test.run();
