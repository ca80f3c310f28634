import type { LogDirectory } from "../../wal/log-directory.js";
import { LogReader } from "../../wal/log-reader.js";
import { segmentBases } from "../../wal/segment-name.js";

const MAX_READ_MS = 1500;

/** The facts about a log that other checks need. */
export interface LogSummary {
  /** The size of all its segments. */
  readonly bytes: number;
  /** The time of the newest batch, epoch milliseconds; undefined if there is none, or if finding it takes long. */
  readonly newest: number | undefined;
}

/** Reads the newest segment. Never throws: `wal verify` checks whether a log can be read. */
export async function summarizeLog(directory: LogDirectory): Promise<LogSummary> {
  const bases = segmentBases(await directory.listIfThere().catch(() => []));
  let bytes = 0;
  for (const base of bases) {
    const file = await directory.fs.open(directory.segment(base), "read").catch(() => undefined);
    bytes += (await file?.size().catch(() => 0)) ?? 0;
    await file?.close();
  }
  return { bytes, newest: await newestTime(directory, bases.at(-1)).catch(() => undefined) };
}

async function newestTime(directory: LogDirectory, from: number | undefined): Promise<number | undefined> {
  if (from === undefined) return undefined;
  const reader = new LogReader({ directory, from });
  const until = performance.now() + MAX_READ_MS;
  let newest: number | undefined;
  try {
    while (performance.now() < until) {
      const step = await reader.next();
      if ("end" in step) return newest;
      if ("batch" in step) newest = step.batch.time;
    }
    return undefined;
  } finally {
    await reader.close();
  }
}
