import { HitsError } from "../../errors.js";
import { mongoSettings, withStore } from "../../maintenance/ask-mongodb.js";
import { type AuditReport, auditLog } from "../../maintenance/audit/audit-log.js";
import type { Difference, Unjudged } from "../../maintenance/audit/report.js";
import { checkLogDirectory, knownLogId } from "../../maintenance/log-directory.js";
import { plural } from "../../model/text.js";
import { describeDamage } from "../../wal/damage.js";
import type { Output } from "../terminal/output.js";
import { printableName } from "../terminal/text.js";
import type { Command } from "./command.js";

const DIFFERS = 1;
const INCONCLUSIVE = 2;

export const auditCommand: Command = {
  name: "audit",
  synopsis: "",
  summary: "totals of the log against MongoDB (MONGODB_URL), counter by counter",
  options: [],
  failure: INCONCLUSIVE,
  help: `Compares MongoDB with the log. For each counter: the log's total at exactly its slot's offset with the slot's
count, the document's count with the sum of its slots (other logs' documents too), and that nothing below the checkpoint
is missing. Hits that the log has and MongoDB is not supposed to have yet are no difference: they are summed as pending.
Prints a line for each finding, and a summary. Reads only; the server may be running.

Counters' days, in the collection series, are compared in the same way, from the first day that the newest snapshot has.
After a repair they are not compared with the log: the days of the lost hits are not known.

  slot         the slot's count is not the log's total at its offset
  sum          the document's count is not the sum of its slots
  missing      hits below the checkpoint are not in the slot, or there is no slot
  beyond       the slot's offset is past the end of the log
  checkpoint   the checkpoint is past the end of the log
  document     the document is damaged
  series-…     the same for a counter's day, in the collection series; series-hours: the hours do not add up to the day's
               count
  unjudged     can't be compared: the log is damaged there, or neither log nor snapshots go back so far

MONGODB_URL (or MONGODB_URL_FILE) and MONGODB_DB select the database, as for the server.

  --json: {"exact","log","from","end","checkpoint":{"offset","epoch"},"documents","checked","pending","pendingCounters",
           "series":{"documents","checked"},"differing":[{"counter","kind","offset","expected","bound","found"}],
           "unjudged":[{"counter","offset","reason"}]}; from: where the history begins that was compared with
Exit status: 0 exact; 1 something differs; 2 MongoDB or the log could not be read, or not everything could be compared.`,

  async run({ directory, json, output, environment }) {
    const settings = mongoSettings(environment);
    if (settings === undefined) {
      throw new HitsError("INVALID_SETTING", "MONGODB_URL is not set: set it to the MongoDB to compare the log with");
    }
    await checkLogDirectory(directory);
    const logId = await knownLogId(directory);
    const report = await withStore(settings, logId, (store) => auditLog(directory, logId, store));
    await printAudit(report, json, output);
    return auditStatus(report);
  },
};

/** Prints a report, and the log's damage on standard error. */
export async function printAudit(report: AuditReport, json: boolean, output: Output): Promise<void> {
  for (const damage of report.log.damage) output.writeMessage(`damage: ${describeDamage(damage)}`);
  if (json) await output.writeJson(document(report));
  else await output.writeLines(page(report));
}

/** Returns the exit status: 0 exact, 1 something differs, 2 not everything could be compared. */
export function auditStatus({ audit }: AuditReport): number {
  if (audit.differing.length > 0) return DIFFERS;
  return audit.exact ? 0 : INCONCLUSIVE;
}

function document({ logId, checkpoint, log, audit }: AuditReport) {
  const { exact, documents, checked, series, pending, pendingCounters, differing, unjudged } = audit;
  return {
    exact,
    log: logId,
    from: log.from,
    end: log.end,
    checkpoint: checkpoint === undefined ? null : { offset: checkpoint.offset, epoch: checkpoint.epoch },
    documents,
    checked,
    series,
    pending,
    pendingCounters,
    differing,
    unjudged,
  };
}

function* page({ logId, checkpoint, log, audit }: AuditReport): Generator<string> {
  yield* audit.differing.map(describeDifference);
  yield* audit.unjudged.map(describeUnjudged);
  const findings = [
    audit.differing.length === 0 ? "" : `differs: ${plural(audit.differing.length, "finding")}`,
    audit.unjudged.length === 0 ? "" : `can't compare ${plural(audit.unjudged.length, "counter")}`,
  ].filter((text) => text !== "");
  const pending = audit.pending === 0 ? "nothing" : plural(audit.pending, "hit");
  const verdict = audit.exact ? "exact" : findings.join("; ");
  const days = audit.series.checked;
  const compared = `${plural(audit.checked, "counter")} compared${days > 0 ? `, ${plural(days, "day")} of theirs` : ""}`;
  const range = `log ${logId} from ${log.from} to ${log.end}, checkpoint ${checkpoint?.offset ?? "none"}`;
  yield `${verdict}: ${compared}, ${pending} pending (${range})`;
}

function describeDifference({ counter, kind, offset, expected, bound, found }: Difference): string {
  const where = [counter === null ? [] : [printableName(counter)], offset === null ? [] : [`offset ${offset}`]].flat();
  const relation = bound === "exactly" ? "" : `${bound} `;
  // A damaged document's reason quotes what anybody may have written there.
  const shown = typeof found === "string" ? printableName(found) : found;
  return `${kind}: ${where.join(", ")}: expected ${relation}${expected}, found ${shown}`;
}

function describeUnjudged({ counter, offset, reason }: Unjudged): string {
  return `unjudged: ${printableName(counter)}, offset ${offset}: ${reason}`;
}
