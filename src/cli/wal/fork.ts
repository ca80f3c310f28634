import path from "node:path";
import { describeError, HitsError } from "../../errors.js";
import { checkLogDirectory, logIdOf } from "../../maintenance/log-directory.js";
import { Log } from "../../wal/log.js";
import { LogDirectory } from "../../wal/log-directory.js";
import { isTolerated } from "../../wal/segment-name.js";
import type { Command } from "./command.js";

/** Its first segment only says which log it is: the server goes on in one of its own size. */
const SEGMENT_BYTES = 64 * 1024;

export const forkCommand: Command = {
  name: "fork",
  synopsis: "DIR",
  summary: "a new, empty log with a new id, for a restored or copied directory; MongoDB's counts stay",
  options: [],
  operand: "DIR",
  help: `Makes a new, empty log with an id of its own in DIR, which must not exist or be empty. For a log directory that was
restored from a backup, or copied: going on with the old id would count hits that MongoDB has seen otherwise. Start the
server on DIR afterwards; MongoDB keeps what it has of the old log. The log directory itself (--dir, WAL_DIR) is only read.

  --json: {"from","log","directory"}: the old id, the new one, and where it is.
Exit status: 0; 1 where the log directory has no id that can be read, or DIR can't be used.`,

  async run({ directory, json, output, operand }) {
    await checkLogDirectory(directory);
    const target = path.resolve(operand);
    const from = await logIdOf(directory);
    if (from === undefined) {
      throw new HitsError("LOG_ID_UNKNOWN", `no header and no snapshot in ${directory.path} says which log this is`);
    }
    const log = await newLog(new LogDirectory(target, directory.fs));
    if (json) await output.json({ from, log, directory: target });
    else {
      const fate = "counts start at 0 here; what MongoDB has of the old log stays there";
      await output.lines([`log ${from} → new log ${log} in ${target}: ${fate}`]);
    }
    return 0;
  },
};

/** Makes an empty log, durably; its id. */
async function newLog(directory: LogDirectory): Promise<string> {
  const held = (await namesIn(directory)).filter((name) => !isTolerated(name));
  if (held.length > 0) {
    const some = held.slice(0, 3).join(", ");
    throw new HitsError(
      "LOG_DIRECTORY",
      `${directory.path} is not empty (${some}): a new directory, or an empty one, is allowed`,
    );
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
    const message = `${directory.path} can't be used (${describeError(error)}): a new directory, or an empty one, is allowed`;
    throw new HitsError("LOG_DIRECTORY", message, { cause: error });
  }
}
