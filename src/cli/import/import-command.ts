import type { Readable, Writable } from "node:stream";
import { describeError, HitsError } from "../../errors.js";
import { interruptible } from "../terminal/command.js";
import { Output, OutputClosed } from "../terminal/output.js";
import { progressView } from "../terminal/progress.js";
import { openInput } from "./input.js";
import { openTarget, settingsOf } from "./open-target.js";
import { type ImportOptions, readImportOptions } from "./options.js";
import { type Imported, importInto } from "./run-import.js";
import { summaryJson, summaryText } from "./summary.js";

const REFUSED = 1;
const UNFINISHED = 2;
const USAGE = 64;

const HELP = `usage: durable-hits import FILE|- [options]

Counts the lines of a file (- for standard input; gzip is told by its content): NDJSON as for POST /hits, or an access log
in the common or combined format (Apache, nginx), where each GET that was answered with 2xx or 304 is a hit of its path at
the time of the line. Each line has an id made of the file's content up to it: within IDEMPOTENCY_WINDOW nothing counts
twice, however often, and under whatever name, a file is imported. FILE.imported says how far it came: the same
command goes on from there, also in a file that has grown. Ctrl-C ends it between two batches.

Hits go into the log directory; where a server has that open, they go to the server at HOST and PORT. ADMIN_TOKEN is sent
along where it is set. COUNT_BOTS=0 leaves out known bots; what else limits the server (COUNTERS_ALLOW, MAX_COUNTERS) limits this.

  --dir DIR         the log directory (default: WAL_DIR, else ./wal)
  --url URL         a server instead, like http://127.0.0.1:3000
  --format F        ndjson, combined or auto (default: by the first line)
  --prefix TEXT     put in front of each path of an access log, like example.org
  --all-statuses    count every answer of an access log
  --include GLOB    count only these counters of an access log (* is any text, / too); may be repeated
  --exclude GLOB    leave these out; may be repeated
  --state FILE      where it says how far it came (default: FILE.imported; none for standard input)
  --no-ids          no ids: for more lines than MAX_IDEMPOTENCY_KEYS has room for. What is not counted twice is then what
                    the state file says: a crash, or an answer that is lost, can repeat one batch (4,000 hits)
  --errors FILE     all lines that are refused; else the first 100 are shown
  --wait SECONDS    how long a server may stay away (default 120)
  --quiet, -q       no progress
  --json            the summary as JSON: {"input","target","log","finished","stopped","lines","before","counted","replayed",
                    "maybeTwice","skipped","refused","seconds"}
Exit status: 0; 1 where some lines were refused; 2 where it could not finish: the same command goes on; 64 for arguments
that are not allowed.`;

export interface ImportTerminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/**
 * The way in to src/cli/import. An input (input.ts) is cut into lines with an id each (lines.ts), read as hits
 * (line-format.ts, access-log.ts) and brought in batches (importer.ts, batch.ts) to a target: an own log (direct-target.ts)
 * or a server (http-target.ts). import-state.ts says how far it came. set-command.ts brings one count to the same targets.
 */
export async function runImport(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: ImportTerminal = process,
): Promise<number> {
  const output = new Output(terminal.stdout, terminal.stderr);
  try {
    const options = readImportOptions(args);
    if (options === undefined) {
      await output.lines([HELP]);
      return 0;
    }
    return await interruptible((signal) => runWith(options, environment, terminal, output, signal));
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    output.complain(`import: ${describeError(error)}`);
    return error instanceof HitsError && error.code === "INVALID_ARGUMENT" ? USAGE : UNFINISHED;
  }
}

async function runWith(
  options: ImportOptions,
  environment: NodeJS.ProcessEnv,
  terminal: ImportTerminal,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const input = await openInput(options.file, terminal.stdin);
  const { file } = input;
  const view = progressView({ stderr: terminal.stderr, totalBytes: file?.bytes, quiet: options.quiet });
  const warn = (message: string) => view.print(message);
  const startedAt = performance.now();
  try {
    const config = settingsOf(environment, options.dir);
    const target = await openTarget({ config, ...options, warn }, signal);
    let result: Imported;
    try {
      result = await importInto(target, input, options, config.countBots, view, signal);
    } finally {
      await target.close();
    }
    view.stop();
    const full = { ...result, seconds: (performance.now() - startedAt) / 1000 };
    if (options.json) await output.json(summaryJson(full));
    else await output.lines(summaryText(full));
    if (result.stopped !== undefined) {
      output.complain(`import: ${result.stopped}`);
      return UNFINISHED;
    }
    return result.tally.refusedCount > 0 ? REFUSED : 0;
  } finally {
    view.stop();
  }
}
