import { HitsError, systemCode } from "../errors.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { LogReader, type ReadStep } from "../wal/log-reader.js";

export interface LogStepsOptions {
  readonly directory: LogDirectory;
  /** The first offset wanted; undefined for the oldest there is. */
  readonly from: number | undefined;
  /** A directory that isn't there yet is an end, to go on from later, and no error. */
  readonly waitsForLog: boolean;
}

/**
 * What a reader meets, step by step, without end: behind an `end` the next step is whatever the log holds by then. Goes on
 * over the server's restarts. Throws `OFFSET_GONE` where retention has taken what comes next.
 */
export async function* logSteps(options: LogStepsOptions): AsyncGenerator<ReadStep> {
  const { directory } = options;
  /** Where a reader that starts anew has to go on. */
  let position = options.from;
  let reader = new LogReader({ directory, from: position });
  let isFresh = true;
  try {
    for (;;) {
      let step: ReadStep;
      try {
        step = await reader.next();
      } catch (error) {
        const isMissing = systemCode(error) === "ENOENT" && options.waitsForLog && position === options.from;
        if (!isMissing && (isFresh || !isGone(error))) throw error;
        // A segment went away under this reader: only one that looks for its place anew can tell whether records did.
        if (!isMissing) {
          await reader.close();
          reader = new LogReader({ directory, from: position });
          isFresh = true;
          continue;
        }
        step = { end: { segment: undefined, byte: 0 } };
      }
      if ("batch" in step) {
        isFresh = false;
        position = step.batch.endOffset;
      }
      yield step;
    }
  } finally {
    await reader.close();
  }
}

function isGone(error: unknown): boolean {
  return error instanceof HitsError && error.code === "OFFSET_GONE";
}
