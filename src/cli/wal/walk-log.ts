import { setTimeout as sleep } from "node:timers/promises";
import { HitsError } from "../../errors.js";
import { checkLogDirectory } from "../../maintenance/log-directory.js";
import { logSteps } from "../../maintenance/log-steps.js";
import { describeFinding, missingFinding } from "../../maintenance/verify/finding.js";
import { describeDamage } from "../../wal/damage.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { Invocation } from "./command.js";

const POLL_MS = 100;

export interface LogVisitor {
  /** What it gets lasts until it resolves. */
  batch(batch: LogBatch): Promise<void>;
  /** A line about what is to be known besides; `isDamage` where hits can't be read that nobody has written down as missing. */
  say(line: string, isDamage: boolean): Promise<void>;
  /** All that the log holds now was handed over. */
  atEnd(): Promise<void>;
}

type Range = Pick<Invocation, "directory" | "from" | "to" | "follow">;

/**
 * Hands over the batches that may hold hits of a range, up to the end that the log has, or with `follow` without end, over
 * restarts of the server. `signal` ends it between two steps. Throws `OFFSET_GONE` where retention has taken what is asked for.
 */
export async function walkLog(range: Range, signal: AbortSignal | undefined, visitor: LogVisitor): Promise<void> {
  const { directory, from, to, follow } = range;
  if (!follow) await checkLogDirectory(directory);
  let saidWaiting = false;
  try {
    for await (const step of logSteps({ directory, from, waitsForLog: follow })) {
      if ("batch" in step) {
        if (to !== undefined && step.batch.baseOffset >= to) break;
        const { missing, count } = step.batch;
        if (missing !== undefined && count === 0) await visitor.say(describeFinding(missingFinding(missing)), false);
        await visitor.batch(step.batch);
        if (to !== undefined && step.batch.endOffset >= to) break;
      } else if ("damage" in step) {
        await visitor.say(`damage: ${describeDamage(step.damage)}`, true);
      } else {
        await visitor.atEnd();
        if (!follow) break;
        if (step.end.segment === undefined && !saidWaiting) {
          saidWaiting = true;
          await visitor.say(`no log in ${directory.path} yet: waiting for one`, false);
        }
        await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      }
      if (signal?.aborted === true) break;
    }
  } catch (error) {
    await visitor.atEnd();
    throw await withOldest(error, range);
  }
  await visitor.atEnd();
}

async function withOldest(error: unknown, { directory }: Range): Promise<unknown> {
  if (!(error instanceof HitsError && error.code === "OFFSET_GONE")) return error;
  const oldest = (await directory.segmentBases())[0] ?? 0;
  const advice = `the oldest offset there is ${oldest}; --from ${oldest} shows what is left`;
  return new HitsError("OFFSET_GONE", `${error.message.split(":")[0] ?? ""}: ${advice}`, { cause: error });
}
