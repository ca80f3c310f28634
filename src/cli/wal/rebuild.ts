import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../../config.js";
import { HitsError } from "../../errors.js";
import { mongoSettings, withStore } from "../../maintenance/ask-mongodb.js";
import { againWhenOvertaken, checkLogDirectory, knownLogId } from "../../maintenance/log-directory.js";
import { type History, readHistory } from "../../maintenance/log-history.js";
import { planRepair } from "../../maintenance/repair/plan.js";
import { renewSnapshot } from "../../maintenance/repair/renew-snapshot.js";
import { plural } from "../../model/text.js";
import type { ProjectorStatus } from "../../projection/mongo/messages.js";
import { takeLock } from "../../wal/lock.js";
import { readMissingRanges } from "../../wal/missing-ranges.js";
import { printableName } from "../terminal/text.js";
import { auditLog, auditPage, auditStatus } from "./audit.js";
import type { Command, Invocation } from "./command.js";
import { explainLock } from "./repair.js";

/** Counters shown of those that differ. */
const SHOWN = 100;
/** A database that has not answered for so long is given up. */
const PATIENCE_MS = 30_000;
const FLUSH_MS = 10_000;
const POLL_MS = 50;

export const rebuildCommand: Command = {
  name: "rebuild",
  synopsis: "PROJECTION [--yes]",
  summary: "counts a projection (local, mongodb) again from the log, compares, and with --yes puts it right",
  options: ["yes"],
  operand: "PROJECTION",
  help: `local     Adds up the log from as far back as it goes (its birth, or the oldest snapshot it still goes on from), compares with
          each snapshot at its offset, and prints what differs. With --yes a new snapshot takes the place of those that
          differ, which go to quarantine/. A damaged log is to be repaired first.
mongodb   Compares as audit does. With --yes it first projects until nothing is owed and every document has been read
          once, and then compares. A slot that has more than the log is never lowered: see repair.

Without --yes it reads only, also while the server runs. With --yes stop the server first.

  --json, local:   {"done","from","end","hits","differing":[{"snapshot","offset","counter","found","log"}]}
  --json, mongodb: as audit
Exit status: 0 nothing differs, or it was put right; 1 something differs, or it could not be done.`,

  async run(invocation) {
    const { directory, operand } = invocation;
    if (operand !== "local" && operand !== "mongodb") {
      throw new HitsError(
        "INVALID_ARGUMENT",
        `"${operand}" is no projection that can be rebuilt: local, mongodb are allowed`,
      );
    }
    await checkLogDirectory(directory);
    const logId = await knownLogId(directory);
    const lock = invocation.yes ? await takeLock(directory.path).catch(explainLock) : undefined;
    try {
      return operand === "local" ? await rebuildLocal(invocation, logId) : await rebuildMongodb(invocation, logId);
    } finally {
      await lock?.release();
    }
  },
};

interface Difference {
  readonly snapshot: string;
  readonly offset: number;
  readonly counter: string;
  readonly found: number;
  readonly log: number;
}

async function rebuildLocal({ directory, yes, json, output, environment }: Invocation, logId: string) {
  const { damage, headers, healed, byHand } = await againWhenOvertaken(() => planRepair(directory));
  if (damage.length + headers.length + healed.length + byHand.length > 0) {
    throw new HitsError("PROJECTION_HALTED", "the log is damaged, and adds up to less than it did: wal repair first");
  }
  const missing = await readMissingRanges(directory);
  const history = await againWhenOvertaken(() => readHistory(directory, logId, missing));
  const differing = differences(history);
  const stale = new Set(differing.map(({ snapshot }) => snapshot));
  if (yes && stale.size > 0) {
    const windowMs = readConfig({ IDEMPOTENCY_WINDOW: environment["IDEMPOTENCY_WINDOW"] }).idempotencyWindowMs;
    const renewal = { history, mends: [], missing, lacks: [], stale, windowMs };
    await renewSnapshot(directory, renewal, new Date().toISOString());
  }
  const { from, end } = history;
  const hits = [...history.counters.values()].reduce((sum, { total }) => sum + total, 0);
  if (json) await output.json({ done: yes, from, end, hits, differing });
  else {
    const lines = differing.slice(0, SHOWN).map(({ snapshot, offset, counter, found, log }) => {
      return `differs: snapshot ${snapshot}, offset ${offset}: ${printableName(counter)} has ${found}, the log ${log}`;
    });
    if (differing.length > SHOWN) lines.push(`differs: ${differing.length - SHOWN} more`);
    const read = `${plural(hits, "hit")} of ${plural(history.counters.size, "counter")}, log read from ${from} to ${end}`;
    const compared = `${plural(history.snapshots.length, "snapshot")} compared`;
    await output.lines([...lines, `${verdict(stale.size, yes)}: ${compared} (${read})`]);
  }
  return stale.size > 0 && !yes ? 1 : 0;
}

function verdict(stale: number, yes: boolean): string {
  if (stale === 0) return "nothing differs";
  return yes ? "rebuilt, the old ones are in quarantine" : "nothing was changed: with --yes a new snapshot is made";
}

function differences({ counters }: History): Difference[] {
  const differing: Difference[] = [];
  for (const [counter, { words }] of counters) {
    for (const { snapshot, offset, count, log } of words) {
      if (snapshot !== undefined && count !== log) differing.push({ snapshot, offset, counter, found: count, log });
    }
  }
  return differing;
}

async function rebuildMongodb(invocation: Invocation, logId: string): Promise<number> {
  const { directory, yes, json, output, environment } = invocation;
  const settings = mongoSettings(environment);
  if (settings === undefined) {
    throw new HitsError("INVALID_SETTING", "MONGODB_URL is not set: it says which MongoDB to rebuild");
  }
  if (yes) {
    const trouble = await projectAll(directory.path, logId, settings);
    if (trouble !== undefined) output.complain(`not all was projected: ${trouble}`);
  }
  const report = await withStore(settings, logId, (store) => auditLog(directory, logId, store));
  await auditPage(report, json, output);
  return auditStatus(report) === 0 ? 0 : 1;
}

/** Projects until nothing is owed and every document was read once; why it did not come to that, if it didn't. */
async function projectAll(
  directory: string,
  logId: string,
  { url, database, maxOps }: { readonly url: string; readonly database: string | undefined; readonly maxOps: number },
): Promise<string | undefined> {
  const { runProjector } = await import("../../projection/mongo/run-projector.js");
  let status: ProjectorStatus | undefined;
  const projection = await runProjector({
    directory,
    logId,
    url,
    database,
    maxOps,
    durableEnd: undefined,
    remote: new Map(),
    onReport: (report) => {
      status = report.status;
    },
    onReady: () => undefined,
  });
  const failed = projection.ended.then(
    () => undefined,
    (error: unknown) => error,
  );
  let answered = performance.now();
  while (performance.now() < answered + PATIENCE_MS) {
    if ((await Promise.race([failed, sleep(POLL_MS, "goes on")])) !== "goes on") break;
    if (status?.state === "running") answered = performance.now();
    if (status?.state === "halted" || (status !== undefined && status.scrub.passes > 0 && status.series.passes > 0))
      break;
  }
  await projection.stop(FLUSH_MS);
  const { lastError = null, blocked } = status ?? {};
  if (lastError !== null) return lastError;
  return blocked === undefined || blocked.size === 0 ? undefined : `${plural(blocked.size, "counter")} blocked`;
}
