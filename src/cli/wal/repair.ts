import { readConfig } from "../../config.js";
import { HitsError } from "../../errors.js";
import { type Ask, mongoSettings, readSlots, withStore } from "../../maintenance/ask-mongodb.js";
import { checkLogDirectory } from "../../maintenance/log-directory.js";
import { retryOnRetention } from "../../maintenance/read-log.js";
import { dryRepair, type Repair, type RepairOptions, repairLog } from "../../maintenance/repair/repair-log.js";
import { type Finding, isSound } from "../../maintenance/verify/finding.js";
import { verifyLog } from "../../maintenance/verify/verify-log.js";
import { plural } from "../../model/text.js";
import { takeLock } from "../../wal/lock.js";
import { readMissingRanges } from "../../wal/missing-ranges.js";
import { printableName } from "../terminal/text.js";
import type { Command, Invocation } from "./command.js";
import { describeFinding, describeMisnamed, describeStep } from "./describe.js";

/** The largest number of unexplained claims that are printed. */
const SHOWN = 20;

export const repairCommand: Command = {
  name: "repair",
  synopsis: "[--yes] [--without-mongodb]",
  summary: "keeps damaged bytes in quarantine, writes down what is missing, and restores what it can",
  options: ["yes", "without-mongodb"],
  help: `Without --yes it only reads and prints what it would do; the server may be running. With --yes it does it; stop the server
first. Nothing is deleted: the bytes of each damage are copied to quarantine/, what is missing is listed in missing.json,
damaged snapshots are moved to quarantine/, and a header that can't be read is written again if the batches after it tell
what it was. From then on counts are no longer "incomplete", the projection into MongoDB continues, retention too, and
status, verify and /status list what is missing for ever.

Missing hits that snapshots or MongoDB (MONGODB_URL, as for the server) still have are restored. If MongoDB can't be asked
and something was projected there, all else is done, and only its projection waits:
  --without-mongodb   let it continue without asking. What only MongoDB has is then overtaken by new hits

  --json: {"done","steps":[{"kind","file","detail"}],"byHand":[…],"mongodb","unexplained":[{"counter","offset","count","log"}],
           "left":[…],"sound"}; left: findings of verify that it can't repair; sound: the result of verify afterwards
Exit status: 0 done, or it can be; 1 something is left (it is listed), or the log is in use.`,

  async run(invocation) {
    const { directory, yes } = invocation;
    await checkLogDirectory(directory);
    const options = optionsOf(invocation);
    const repair = yes
      ? await repairLog(options).then((done) => withFindings(options, done), explainLock)
      : await retryOnRetention(() => dryRepair(options));
    const left = repair.byHand.length > 0 ? [] : repair.left.map(describeFinding);
    const waits = (await readMissingRanges(directory)).firstUnsettled < Number.POSITIVE_INFINITY;
    const outcome = { ...repair, left, waits };
    if (invocation.json) await invocation.output.writeJson(document(outcome, yes));
    else await invocation.output.writeLines(page(outcome, yes));
    const problems = left.length + repair.byHand.length + (repair.assessment?.restoration.unexplained.length ?? 0);
    return problems > 0 || (yes && waits) ? 1 : 0;
  },
};

interface Outcome extends Repair {
  /** Findings that are left, as lines. */
  readonly left: readonly string[];
  /** The projection into MongoDB waits before what is missing. */
  readonly waits: boolean;
}

function optionsOf({ directory, environment, withoutMongodb }: Invocation): RepairOptions {
  const settings = mongoSettings(environment);
  const ask: Ask | undefined =
    settings === undefined
      ? undefined
      : (logId, missing) => withStore(settings, logId, (store) => readSlots({ directory, logId, missing, store }));
  const { IDEMPOTENCY_WINDOW } = environment;
  const windowMs = readConfig({ IDEMPOTENCY_WINDOW }).idempotencyWindowMs;
  return { directory, ask, withoutMongodb, windowMs, lock: takeLock };
}

/** Verifies the log after a repair, for the findings that are left. */
async function withFindings(
  { directory }: RepairOptions,
  repair: Repair,
): Promise<Repair & { readonly left: readonly Finding[] }> {
  const { findings } = await retryOnRetention(() => verifyLog(directory));
  return { ...repair, left: findings.filter((finding) => !isSound(finding)) };
}

/** Adds advice to the error of a lock that another process has. */
export function explainLock(error: unknown): never {
  if (!(error instanceof HitsError && error.code === "LOG_LOCKED")) throw error;
  throw new HitsError("LOG_LOCKED", `stop the server first: ${error.message}`, { cause: error });
}

function document({ steps, byHand, assessment, left }: Outcome, yes: boolean) {
  const { mongodb = "needless", restoration } = assessment ?? {};
  return {
    done: yes,
    steps: steps.map((step) => ({ kind: step.kind, file: step.file, detail: describeStep(step) })),
    byHand: byHand.map(describeMisnamed),
    mongodb: typeof mongodb === "string" ? mongodb : mongodb.problem,
    unexplained: restoration?.unexplained ?? [],
    left,
    sound: yes ? left.length === 0 : null,
  };
}

function page(outcome: Outcome, yes: boolean): string[] {
  const { steps, byHand, assessment, left } = outcome;
  const { mongodb = "needless", restoration } = assessment ?? {};
  const prefix = yes ? "done" : "to do";
  const lines = steps.map((step) => {
    return `${prefix}: ${step.file === null ? "" : `${step.file}: `}${describeStep(step)}`;
  });
  lines.push(...byHand.map((one) => `by hand: ${describeMisnamed(one)}`));
  const unexplained = restoration?.unexplained ?? [];
  for (const { counter, offset, count, log } of unexplained.slice(0, SHOWN)) {
    const claim = `${count} at offset ${offset}, where the log has ${log}`;
    lines.push(`unexplained: ${printableName(counter)} is at ${claim}, and no missing range explains it`);
  }
  if (unexplained.length > SHOWN) lines.push(`unexplained: ${unexplained.length - SHOWN} more`);
  lines.push(...left.map((text) => `can't be repaired: ${text}`));
  lines.push(...(typeof mongodb === "string" ? [] : [couldNotAsk(mongodb.problem)]));
  return [...lines, verdict(outcome, yes)];
}

function couldNotAsk(problem: string): string {
  return (
    `MongoDB could not be asked what it still has (${problem}). Everything else is done, and only its projection waits before ` +
    "what is missing: run this again with MONGODB_URL when it answers, or with --without-mongodb to continue without"
  );
}

function verdict({ steps, byHand, left, waits }: Outcome, yes: boolean): string {
  if (byHand.length > 0) return `nothing was changed: fix ${plural(byHand.length, "file")} by hand first`;
  if (steps.length === 0 && left.length === 0) return waits ? "nothing to do except to ask MongoDB" : "nothing to do";
  if (steps.length === 0) return "nothing to repair";
  if (!yes) return "nothing was changed: stop the server, then run wal repair --yes";
  return left.length === 0 ? "repaired" : `repaired, except for ${plural(left.length, "finding")}`;
}
