import path from "node:path";
import { checkLogDirectory, createLog, knownLogId } from "../../maintenance/log-directory.js";
import { LogDirectory } from "../../wal/log-directory.js";
import type { Command } from "./command.js";

export const forkCommand: Command = {
  name: "fork",
  synopsis: "DIR",
  summary: "a new, empty log with a new id, for a restored or copied directory; MongoDB's counts stay",
  options: [],
  operand: "DIR",
  help: `Creates a new, empty log with its own id in DIR, which must not exist or must be empty. For a log directory that was
restored from a backup, or copied: with the old id, hits that MongoDB has seen would be counted again. Start the server
on DIR afterwards; MongoDB keeps what it has of the old log. The log directory itself (--dir, WAL_DIR) is only read.

  --json: {"from","log","directory"}: the old id, the new one, and where it is.
Exit status: 0; 1 if the log directory has no id that can be read, or DIR can't be used.`,

  async run({ directory, json, output, operand }) {
    await checkLogDirectory(directory);
    const target = path.resolve(operand);
    const from = await knownLogId(directory);
    const log = await createLog(new LogDirectory(target, directory.fs));
    if (json) await output.writeJson({ from, log, directory: target });
    else {
      const fate = "counts start at 0 here; what MongoDB has of the old log stays there";
      await output.writeLines([`log ${from} → new log ${log} in ${target}: ${fate}`]);
    }
    return 0;
  },
};
