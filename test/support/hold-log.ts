import { Log } from "../../src/wal/log.js";
import { LogDirectory } from "../../src/wal/log-directory.js";

/** A process that opens the log in a directory, prints a line once it has, and keeps it open until it is killed. */
const [directory = ""] = process.argv.slice(2);
const log = await Log.open({
  directory: new LogDirectory(directory),
  segmentBytes: 64 * 1024,
  maxQueuedBytes: 1024 * 1024,
});
process.stdout.write(`open ${log.epoch}\n`);
setInterval(() => undefined, 60_000);
