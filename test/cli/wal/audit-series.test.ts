import { test } from "uvu";
import * as assert from "uvu/assert";
import { auditLog } from "../../../src/maintenance/audit/audit-log.js";
import type { AuditedStore } from "../../../src/maintenance/audit/database-side.js";
import { parseDocument } from "../../../src/projection/mongo/document.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { append, inDirectory, openLog } from "./harness.js";

const LOG_DAY = "2026-01-02";
const AT = Date.UTC(2026, 0, 2, 3, 30);

type Raw = Record<string, unknown>;

/** A log of 3 hits of `a` on the day at offset 0, 2 more an hour later at 1, one of `b` the day before at 2; and its audit. */
async function findings(change: (days: Record<string, Raw>, logId: string) => void, checkpoint = 3): Promise<string[]> {
  const found: string[] = [];
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, [{ counter: "a", n: 3, at: AT }]);
    await append(log, [
      { counter: "a", n: 2, at: AT + 3_600_000 },
      { counter: "b", n: 1, at: AT - 86_400_000 },
    ]);
    const logId = log.id;
    await log.close();
    const days: Record<string, Raw> = {
      "2026-01-02 a": { count: 5, logs: { [logId]: { offset: 3, count: 5, hours: { 3: 3, 4: 2 } } } },
      "2026-01-01 b": { count: 3, logs: { [logId]: { offset: 3, count: 1 }, other: { offset: 9, count: 2 } } },
    };
    change(days, logId);
    const counters = {
      a: { count: 5, logs: { [logId]: { offset: 3, count: 5 } } },
      b: { count: 1, logs: { [logId]: { offset: 3, count: 1 } } },
    };
    const scan = (documents: Record<string, Raw>) => async () => ({
      documents: Object.entries(documents).map(([_id, document]) => parseDocument({ _id, ...document })),
      next: undefined,
    });
    const store: AuditedStore = {
      readCheckpoint: async () => ({ offset: checkpoint, epoch: 1, nonce: "00" }),
      scan: scan(counters),
      series: { scan: scan(days) },
    };
    const { audit } = await auditLog(new LogDirectory(directory), logId, store);
    assert.is(audit.exact, audit.differing.length === 0);
    assert.is(audit.series.documents, Object.keys(days).length);
    for (const { kind, counter, bound, expected, found: there } of audit.differing) {
      found.push(`${kind} ${counter}: ${bound} ${expected}, ${there}`);
    }
    found.push(`${audit.series.checked} compared`);
  });
  return found;
}

function slot(logId: string, offset: number, count: number, hours?: Raw): Raw {
  return { count, logs: { [logId]: { offset, count, ...(hours === undefined ? {} : { hours }) } } };
}

test("days that are as the log has them, at each slot's own offset", async () => {
  assert.equal(await findings(() => undefined), ["2 compared"]);
  const partly = (days: Record<string, Raw>, logId: string) => {
    days[`${LOG_DAY} a`] = slot(logId, 1, 3, { 3: 3 });
  };
  assert.equal(await findings(partly, 1), ["2 compared"]);
});

test("a slot changed by hand, hits below the checkpoint that are missing, a document that is gone", async () => {
  assert.equal(await findings((days, logId) => Object.assign(days, { [`${LOG_DAY} a`]: slot(logId, 3, 6) })), [
    "series-slot 2026-01-02 a: exactly 5, 6",
    "2 compared",
  ]);
  assert.equal(await findings((days, logId) => Object.assign(days, { [`${LOG_DAY} a`]: slot(logId, 1, 3) })), [
    "series-missing 2026-01-02 a: at least 5, 3",
    "2 compared",
  ]);
  assert.equal(await findings((days) => delete days["2026-01-01 b"]), [
    "series-missing 2026-01-01 b: at least 1, 0",
    "2 compared",
  ]);
  assert.equal(await findings((days, logId) => Object.assign(days, { [`${LOG_DAY} a`]: slot(logId, 70, 5) })), [
    "series-beyond 2026-01-02 a: at most 3, 70",
    "2 compared",
  ]);
});

test("sums, hours, and documents that can't be read", async () => {
  assert.equal(await findings((days) => Object.assign(days["2026-01-01 b"] ?? {}, { count: 4 })), [
    "series-sum 2026-01-01 b: exactly 3, 4",
    "2 compared",
  ]);
  const hours = (of: Raw) => (days: Record<string, Raw>, logId: string) =>
    Object.assign(days, { [`${LOG_DAY} a`]: slot(logId, 3, 5, of) });
  assert.equal(await findings(hours({ 3: 3 })), ["series-hours 2026-01-02 a: exactly 5, 3", "2 compared"]);
  assert.equal(await findings(hours({ 3: "many" })), [
    "series-hours 2026-01-02 a: exactly 5, no whole numbers",
    "2 compared",
  ]);
  assert.equal(await findings((days) => Object.assign(days, { [`${LOG_DAY} a`]: { count: "x", logs: {} } })), [
    'series-document 2026-01-02 a: exactly a document that can be read, count must be an integer, got "x"',
    "1 compared",
  ]);
});

test("a database that was filled by a release without days is not held against the log", async () => {
  const empty = (days: Record<string, Raw>) => {
    for (const name of Object.keys(days)) delete days[name];
  };
  assert.equal(await findings(empty), ["0 compared"]);
});

test.run();
