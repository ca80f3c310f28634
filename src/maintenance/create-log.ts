import { describeError, HitsError } from "../errors.js";
import { Log } from "../wal/log.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { isTolerated } from "../wal/segment-name.js";

/** The first segment only identifies the log: the server continues in one of its own size. */
const SEGMENT_BYTES = 64 * 1024;

/** Creates an empty log, durably, and returns its id. Throws `LOG_DIRECTORY` for a directory with anything in it. */
export async function createLog(directory: LogDirectory): Promise<string> {
  const names = (await namesIn(directory)).filter((name) => !isTolerated(name));
  if (names.length > 0) {
    const some = names.slice(0, 3).join(", ");
    const message = `${directory.path} is not empty (${some}): name a new directory, or an empty one`;
    throw new HitsError("LOG_DIRECTORY", message);
  }
  const log = await Log.open({ directory, segmentBytes: SEGMENT_BYTES, maxQueuedBytes: SEGMENT_BYTES });
  const refusal = log.refusal(0);
  await log.close();
  if (refusal !== undefined) throw refusal;
  return log.id;
}

async function namesIn(directory: LogDirectory): Promise<string[]> {
  try {
    return await directory.listIfThere();
  } catch (error) {
    const message = `${directory.path} can't be used (${describeError(error)}): name a new directory, or an empty one`;
    throw new HitsError("LOG_DIRECTORY", message, { cause: error });
  }
}
