import { setTimeout as sleep } from "node:timers/promises";
import { HitsError } from "../errors.js";
import { nameMatcher } from "../hit/name-globs.js";
import type { StoredHit } from "../hit/record.js";
import type { Damage } from "../wal/damage.js";
import type { LogDirectory } from "../wal/log-directory.js";
import type { MissingRange } from "../wal/missing-ranges.js";
import type { LogBatch } from "../wal/segment-reader.js";
import { checkLogDirectory } from "./log-directory.js";
import { isGone, readLog } from "./read-log.js";

const POLL_MS = 100;

export interface WalkOptions {
  readonly directory: LogDirectory;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly follow: boolean;
  /** Ends the walk between two steps. */
  readonly signal: AbortSignal | undefined;
}

/** Something besides records: damage, a range written down as missing, or a log that does not exist yet. */
export type LogNote = { readonly damage: Damage } | { readonly missing: MissingRange } | "waiting";

export interface WalkVisitor {
  /** Receives each batch of the range. It is valid until this resolves. */
  batch(batch: LogBatch): Promise<void>;
  note(note: LogNote): Promise<void>;
  /** Called when all that the log has now was handed over. */
  atEnd(): Promise<void>;
}

/**
 * Hands over the batches that may have hits of a range, up to the log's end, or with `follow` without end, over restarts of
 * the server. Throws `OFFSET_GONE` if retention has removed what is asked for.
 */
export async function walkLog({ directory, from, to, follow, signal }: WalkOptions, visitor: WalkVisitor) {
  if (!follow) await checkLogDirectory(directory);
  let isWaitNoted = false;
  try {
    await readLog(
      { directory, from, to, signal, resumes: true, waitsForLog: follow },
      {
        async batch(batch) {
          const { missing, count } = batch;
          if (missing !== undefined && count === 0) await visitor.note({ missing });
          await visitor.batch(batch);
        },
        damage: (damage) => visitor.note({ damage }),
        async end({ segment }) {
          await visitor.atEnd();
          if (!follow) return false;
          if (segment === undefined && !isWaitNoted) {
            isWaitNoted = true;
            await visitor.note("waiting");
          }
          await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
          return true;
        },
      },
    );
  } catch (error) {
    await visitor.atEnd();
    throw await withOldest(error, directory);
  }
  await visitor.atEnd();
}

export interface Selection {
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Epoch milliseconds. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** A counter's name, or a glob. */
  readonly counter: string | undefined;
}

/** Returns a function that tests whether a hit is in a selection. */
export function hitSelector({ counter, ...range }: Selection): (hit: StoredHit) => boolean {
  const { from = 0, to = Number.POSITIVE_INFINITY } = range;
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = range;
  const matches = counter === undefined ? undefined : nameMatcher([counter]);
  const isNamed = (name: string) => matches === undefined || name === counter || matches(name);
  return (hit) => hit.offset >= from && hit.offset < to && hit.at >= since && hit.at < until && isNamed(hit.counter);
}

/** Returns the log's end. Of the log only the newest segment is read. */
export async function endOfLog(directory: LogDirectory): Promise<number> {
  const newest = (await directory.segmentBases()).at(-1);
  return (await readLog({ directory, from: newest }, { batch: () => undefined })).end;
}

async function withOldest(error: unknown, directory: LogDirectory): Promise<unknown> {
  if (!isGone(error)) return error;
  const oldest = (await directory.segmentBases())[0] ?? 0;
  const advice = `the oldest offset there is ${oldest}; --from ${oldest} shows what is left`;
  return new HitsError("OFFSET_GONE", `${error.message.split(":")[0] ?? ""}: ${advice}`, { cause: error });
}
