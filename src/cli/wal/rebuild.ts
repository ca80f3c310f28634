import { readConfig } from "../../config.js";
import { HitsError } from "../../errors.js";
import { mongoSettings, withStore } from "../../maintenance/ask-mongodb.js";
import { auditLog } from "../../maintenance/audit/audit-log.js";
import { checkLogDirectory, knownLogId } from "../../maintenance/log-directory.js";
import { compareSnapshots, type LocalComparison, projectAll, rebuildLocal } from "../../maintenance/rebuild.js";
import { plural } from "../../model/text.js";
import { takeLock } from "../../wal/lock.js";
import { printableName } from "../terminal/text.js";
import { auditStatus, printAudit } from "./audit.js";
import type { Command, Invocation } from "./command.js";
import { explainLock } from "./repair.js";

/** The largest number of differences that are printed. */
const SHOWN = 100;

export const rebuildCommand: Command = {
  name: "rebuild",
  synopsis: "PROJECTION [--yes]",
  summary: "recounts a projection (local, mongodb) from the log, compares, and with --yes corrects it",
  options: ["yes"],
  operand: "PROJECTION",
  help: `local     Adds up the log from as far back as it goes (its birth, or the oldest snapshot it continues from), compares with
          each snapshot at its offset, and prints what differs. With --yes a new snapshot replaces those that differ,
          which are moved to quarantine/. A damaged log has to be repaired first.
mongodb   Compares as audit does. With --yes it first projects until nothing is pending and every document has been read
          once, and then compares. A slot that has more than the log is never lowered: see repair.

Without --yes it reads only, and the server may be running. With --yes stop the server first.

  --json, local:   {"done","from","end","hits","differing":[{"snapshot","offset","counter","found","log"}]}
  --json, mongodb: as audit
Exit status: 0 nothing differs, or it was corrected; 1 something differs, or it could not be done.`,

  async run(invocation) {
    const { directory, operand } = invocation;
    if (operand !== "local" && operand !== "mongodb") {
      throw new HitsError("INVALID_ARGUMENT", `can't rebuild "${operand}": PROJECTION must be local or mongodb`);
    }
    await checkLogDirectory(directory);
    const logId = await knownLogId(directory);
    const lock = invocation.yes ? await takeLock(directory.path).catch(explainLock) : undefined;
    try {
      return operand === "local" ? await runLocal(invocation, logId) : await runMongodb(invocation, logId);
    } finally {
      await lock?.release();
    }
  },
};

async function runLocal(invocation: Invocation, logId: string): Promise<number> {
  const { directory, yes, json, output, environment } = invocation;
  const compared = await compareSnapshots(directory, logId);
  const { history, differing, stale } = compared;
  if (yes) {
    const { IDEMPOTENCY_WINDOW } = environment;
    await rebuildLocal(directory, compared, readConfig({ IDEMPOTENCY_WINDOW }).idempotencyWindowMs);
  }
  const { from, end } = history;
  const hits = [...history.counters.values()].reduce((sum, { total }) => sum + total, 0);
  if (json) await output.writeJson({ done: yes, from, end, hits, differing });
  else await output.writeLines(page(compared, hits, yes));
  return stale.size > 0 && !yes ? 1 : 0;
}

function page({ history, differing, stale }: LocalComparison, hits: number, yes: boolean): string[] {
  const lines = differing.slice(0, SHOWN).map(({ snapshot, offset, counter, found, log }) => {
    return `differs: snapshot ${snapshot}, offset ${offset}: ${printableName(counter)} has ${found}, the log ${log}`;
  });
  if (differing.length > SHOWN) lines.push(`differs: ${differing.length - SHOWN} more`);
  const { counters, from, end, snapshots } = history;
  const read = `${plural(hits, "hit")} of ${plural(counters.size, "counter")}, log read from ${from} to ${end}`;
  return [...lines, `${verdict(stale.size, yes)}: ${plural(snapshots.length, "snapshot")} compared (${read})`];
}

function verdict(stale: number, yes: boolean): string {
  if (stale === 0) return "nothing differs";
  return yes ? "rebuilt, the old ones are in quarantine" : "nothing was changed: with --yes a new snapshot is made";
}

async function runMongodb({ directory, yes, json, output, environment }: Invocation, logId: string): Promise<number> {
  const settings = mongoSettings(environment);
  if (settings === undefined) {
    throw new HitsError("INVALID_SETTING", "MONGODB_URL is not set: set it to the MongoDB to rebuild");
  }
  if (yes) {
    const { url, database, maxOps } = settings;
    const problem = await projectAll({ directory: directory.path, logId, url, database, maxOps });
    if (problem !== undefined) output.writeMessage(`not all was projected: ${problem}`);
  }
  const report = await withStore(settings, logId, (store) => auditLog(directory, logId, store));
  await printAudit(report, json, output);
  return auditStatus(report) === 0 ? 0 : 1;
}
