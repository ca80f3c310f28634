import { HitsError } from "../../errors.js";
import { mongoSettings, withStore } from "../../maintenance/ask-mongodb.js";
import { type AuditedStore, readDatabase } from "../../maintenance/audit/database-side.js";
import { judge } from "../../maintenance/audit/judge.js";
import { readLog } from "../../maintenance/audit/log-side.js";
import type { Audit, Difference, Unjudged } from "../../maintenance/audit/report.js";
import type { LogSide } from "../../maintenance/audit/rows.js";
import { againWhenOvertaken, checkLogDirectory, knownLogId } from "../../maintenance/log-directory.js";
import { plural } from "../../model/text.js";
import type { Checkpoint } from "../../projection/mongo/store.js";
import { describeDamage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { Output } from "../terminal/output.js";
import { printableJson, printableName } from "../terminal/text.js";
import type { Command } from "./command.js";

const DIFFERS = 1;
const COULD_NOT_LOOK = 2;

export const auditCommand: Command = {
  name: "audit",
  synopsis: "",
  summary: "totals of the log against MongoDB (MONGODB_URL), counter by counter",
  options: [],
  failure: COULD_NOT_LOOK,
  help: `Compares what MongoDB has with what the log says: for each counter the log's total at exactly its slot's offset with the
slot's count, the document's count with the sum of its slots (other logs' documents too), and that nothing below the
checkpoint is missing. Hits that the log has and MongoDB is not supposed to have yet are no difference: they are summed
as pending. A line for each finding, and one that sums up. Reads only, of a running server too.

Counters' days, in the collection series, are compared in the same way, from the day on that the newest snapshot has them.
After a repair they are not compared with the log: of which days the lost hits were is not known.

  slot         the slot's count is not the log's total at its offset
  sum          the document's count is not the sum of its slots
  missing      hits below the checkpoint are not in the slot, or there is none
  beyond       the slot's offset lies behind the log's end
  checkpoint   the checkpoint lies behind the log's end
  document     the document is damaged
  series-…     the same of a counter's day, in the collection series; series-hours: the hours are not the day's count
  unjudged     it can't be told: the log is damaged there, or neither log nor snapshots go back so far

MONGODB_URL (or MONGODB_URL_FILE) and MONGODB_DB say where, as for the server.

  --json: {"exact","log","from","end","checkpoint":{"offset","epoch"},"documents","checked","pending","pendingCounters",
           "series":{"documents","checked"},"differing":[{"counter","kind","offset","expected","bound","found"}],
           "unjudged":[{"counter","offset","reason"}]}; from: where the history begins that was compared with
Exit status: 0 exact; 1 something differs; 2 it could not look, or not at everything.`,

  async run({ directory, json, output, environment }) {
    const settings = mongoSettings(environment);
    if (settings === undefined) {
      throw new HitsError("INVALID_SETTING", "MONGODB_URL is not set: it says which MongoDB to compare the log with");
    }
    await checkLogDirectory(directory);
    const logId = await knownLogId(directory);
    const report = await withStore(settings, logId, (store) => auditLog(directory, logId, store));
    await auditPage(report, json, output);
    return auditStatus(report);
  },
};

export interface Report {
  readonly logId: string;
  readonly checkpoint: Checkpoint | undefined;
  readonly log: LogSide;
  readonly audit: Audit;
}

/** Reads the database, then the log. Throws a `StoreError` where the former can't be, a `HitsError` where the latter. */
export async function auditLog(directory: LogDirectory, logId: string, store: AuditedStore): Promise<Report> {
  const database = await readDatabase(store, logId);
  const checkpoint = database.checkpoint?.offset ?? 0;
  const log = await againWhenOvertaken(() => readLog(directory, logId, database.rows, database.days, checkpoint));
  return { logId, checkpoint: database.checkpoint, log, audit: judge(database, log) };
}

export async function auditPage(report: Report, json: boolean, output: Output): Promise<void> {
  for (const damage of report.log.damage) output.complain(`damage: ${describeDamage(damage)}`);
  if (json) await output.lines([printableJson(JSON.stringify(document(report)))]);
  else await output.lines(page(report));
}

/** 0 exact, 1 something differs, 2 it could not look at everything. */
export function auditStatus({ audit }: Report): number {
  if (audit.differing.length > 0) return DIFFERS;
  return audit.exact ? 0 : COULD_NOT_LOOK;
}

function document({ logId, checkpoint, log, audit }: Report) {
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

function* page({ logId, checkpoint, log, audit }: Report): Generator<string> {
  yield* audit.differing.map(describeDifference);
  yield* audit.unjudged.map(describeUnjudged);
  const findings = [
    audit.differing.length === 0 ? "" : `differs: ${plural(audit.differing.length, "finding")}`,
    audit.unjudged.length === 0 ? "" : `can't be told of ${plural(audit.unjudged.length, "counter")}`,
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
  // A damaged document's reason quotes what anybody may have put there.
  const shown = typeof found === "string" ? printableName(found) : found;
  return `${kind}: ${where.join(", ")}: expected ${relation}${expected}, found ${shown}`;
}

function describeUnjudged({ counter, offset, reason }: Unjudged): string {
  return `unjudged: ${printableName(counter)}, offset ${offset}: ${reason}`;
}
