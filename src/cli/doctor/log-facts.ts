import type { LogDirectory } from "../../wal/log-directory.js";
import { LogReader } from "../../wal/log-reader.js";
import { segmentBases } from "../../wal/segment-name.js";

const PATIENCE_MS = 1500;

/** What the doctor wants to know of a log. */
export interface LogFacts {
  /** All its segments. */
  readonly bytes: number;
  /** When the newest batch was written, epoch milliseconds; undefined without any, or where that takes long to find out. */
  readonly newest: number | undefined;
}

/** Reads the newest segment. Nothing of it throws: whether a log can be read is for `wal verify`. */
export async function logFacts(directory: LogDirectory): Promise<LogFacts> {
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
  const until = performance.now() + PATIENCE_MS;
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
