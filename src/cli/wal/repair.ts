import { readConfig } from "../../config.js";
import { HitsError } from "../../errors.js";
import { type Ask, mongoSettings, readSlots, withStore } from "../../maintenance/ask-mongodb.js";
import { checkLogDirectory } from "../../maintenance/log-directory.js";
import { retryOnRetention } from "../../maintenance/read-log.js";
import { isPlanned } from "../../maintenance/repair/plan.js";
import { dryRepair, type Repair, type RepairOptions, repairLog } from "../../maintenance/repair/repair-log.js";
import { type Finding, isSound } from "../../maintenance/verify/finding.js";
import { verifyLog } from "../../maintenance/verify/verify-log.js";
import { plural } from "../../model/text.js";
import { takeLock } from "../../wal/lock.js";
import { readMissingRanges } from "../../wal/missing-ranges.js";
import { printableName } from "../terminal/text.js";
import type { Command, Invocation } from "./command.js";
import { describeFinding } from "./describe-finding.js";

/** Counters shown of those that nothing explains. */
const SHOWN = 20;

export const repairCommand: Command = {
  name: "repair",
  synopsis: "[--yes] [--without-mongodb]",
  summary: "keeps damaged bytes in quarantine, writes down what is missing, and lets everything pass",
  options: ["yes", "without-mongodb"],
  help: `Without --yes it reads, says what it would do, and changes nothing; the server may be running. With --yes it does it; stop
the server first. Nothing is deleted: the bytes of each damage are copied to quarantine/, what is missing goes into
missing.json, damaged snapshots are moved to quarantine/, and a header that can't be read is written anew where the batches
behind it say what it was. From then on counts are no longer "incomplete", the projection into MongoDB goes on, retention
too, and status, verify and /status list what is missing for ever.

What snapshots or MongoDB (MONGODB_URL, as for the server) still know of the missing hits is brought back: as many stand in
for them. Where MongoDB can't be asked and something was projected there, all else is done, and only its projection waits:
  --without-mongodb   let it go on unasked. What only MongoDB knows is then overtaken by new hits

  --json: {"done","steps":[{"kind","file","detail"}],"byHand":[…],"mongodb","unexplained":[{"counter","offset","count","log"}],
           "left":[…],"sound"}; left: findings of verify that it can't do anything about; sound: what verify says afterwards
Exit status: 0 done, or it can be; 1 something is left (it says what), or the log is in use.`,

  async run(invocation) {
    const { directory, yes } = invocation;
    await checkLogDirectory(directory);
    const options = optionsOf(invocation);
    const repair = yes ? await repairLog(options).catch(explainLock) : await retryOnRetention(() => dryRepair(options));
    const { findings } = await retryOnRetention(() => verifyLog(repair.view));
    // What a repair would not have done about a file is told before, too.
    const isLeft = (finding: Finding) => !isSound(finding) && (yes || !isPlanned(finding, repair.plan, repair.ranges));
    const left = repair.byHand.length > 0 ? [] : findings.filter(isLeft).map(describeFinding);
    const waits = (await readMissingRanges(directory)).firstUnsettled < Number.POSITIVE_INFINITY;
    await print(repair, left, waits, invocation);
    const problems = left.length + repair.byHand.length + (repair.assessment?.restoration.unexplained.length ?? 0);
    return problems > 0 || (yes && waits) ? 1 : 0;
  },
};

function optionsOf({ directory, environment, withoutMongodb }: Invocation): RepairOptions {
  const settings = mongoSettings(environment);
  const ask: Ask | undefined =
    settings === undefined
      ? undefined
      : (logId, missing) => withStore(settings, logId, (store) => readSlots(directory, logId, missing, store));
  const { IDEMPOTENCY_WINDOW } = environment;
  const windowMs = readConfig({ IDEMPOTENCY_WINDOW }).idempotencyWindowMs;
  return { directory, ask, withoutMongodb, windowMs, lock: takeLock };
}

/** What to do about a lock that somebody else has. */
export function explainLock(error: unknown): never {
  if (!(error instanceof HitsError && error.code === "LOG_LOCKED")) throw error;
  throw new HitsError("LOG_LOCKED", `stop the server first: ${error.message}`, { cause: error });
}

async function print(repair: Repair, left: readonly string[], waits: boolean, invocation: Invocation): Promise<void> {
  const { json, yes, output } = invocation;
  const { steps, assessment, byHand } = repair;
  const mongodb = assessment?.mongodb ?? "needless";
  const unexplained = assessment?.restoration.unexplained ?? [];
  if (json) {
    const state = typeof mongodb === "string" ? mongodb : mongodb.problem;
    await output.writeJson({
      done: yes,
      steps,
      byHand,
      mongodb: state,
      unexplained,
      left,
      sound: yes ? left.length === 0 : null,
    });
    return;
  }
  const prefix = yes ? "done" : "to do";
  const lines = steps.map(({ file, detail }) => `${prefix}: ${file === null ? "" : `${file}: `}${detail}`);
  lines.push(...byHand.map((text) => `by hand: ${text}`));
  for (const { counter, offset, count, log } of unexplained.slice(0, SHOWN)) {
    const said = `${count} at offset ${offset}, where the log has ${log}`;
    lines.push(`unexplained: ${printableName(counter)} stands at ${said}, and nothing that is missing explains it`);
  }
  if (unexplained.length > SHOWN) lines.push(`unexplained: ${unexplained.length - SHOWN} more`);
  lines.push(...left.map((text) => `can't be repaired: ${text}`));
  lines.push(...(typeof mongodb === "string" ? [] : [couldNotAsk(mongodb.problem)]));
  lines.push(verdict(repair, left.length, yes, waits));
  await output.writeLines(lines);
}

function couldNotAsk(problem: string): string {
  return (
    `MongoDB could not be asked what it still knows (${problem}). All else goes on, and only its projection waits in front of ` +
    "what is missing: run this again with MONGODB_URL when it answers, or with --without-mongodb to go on without"
  );
}

function verdict({ steps, byHand }: Repair, left: number, yes: boolean, waits: boolean): string {
  if (byHand.length > 0) return `nothing was changed: ${plural(byHand.length, "thing")} to be put right by hand first`;
  if (steps.length === 0) return left === 0 ? nothingToDo(waits) : "nothing that a repair could do";
  if (!yes) return "nothing was changed: stop the server, then wal repair --yes does it";
  return left === 0 ? "repaired" : `repaired, but for ${plural(left, "finding")}`;
}

function nothingToDo(waits: boolean): string {
  return waits ? "nothing to do but to ask MongoDB" : "nothing to do";
}
