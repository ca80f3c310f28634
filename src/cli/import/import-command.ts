import type { Readable, Writable } from "node:stream";
import { plural } from "../../model/text.js";
import { type Command, interruptible, optionLines, reportFailure } from "../terminal/command.js";
import { Output } from "../terminal/output.js";
import { progressView } from "../terminal/progress.js";
import { grouped } from "../terminal/text.js";
import { openInput } from "./input.js";
import { configFor, openTarget } from "./open-target.js";
import { IMPORT_OPTIONS, type ImportOptions, readImportOptions } from "./options.js";
import { type Imported, importInto } from "./run-import.js";
import { sumOf } from "./tally.js";

const REFUSED = 1;
const UNFINISHED = 2;

const HELP = `usage: durable-hits import FILE|- [options]

Counts the lines of a file (- for standard input; gzip is recognized by its content): NDJSON as for POST /hits, or an access
log in the common or combined format (Apache, nginx), where each GET answered with 2xx or 304 is a hit of its path at the
time of the line. Each line has an id derived from the file's content up to it: within IDEMPOTENCY_WINDOW nothing counts
twice, however often, and under whatever name, a file is imported. FILE.imported records how far the import came: the same
command continues from there, also in a file that has grown. Ctrl-C ends it between two batches.

Hits go into the log directory; if a server has that open, they go to the server at HOST and PORT. ADMIN_TOKEN is sent if it
is set. COUNT_BOTS=0 omits known bots; the server's other limits (COUNTERS_ALLOW, MAX_COUNTERS) apply here too.

${optionLines(IMPORT_OPTIONS)}
Exit status: 0; 1 some lines were refused; 2 it could not finish: the same command continues; 64 invalid arguments.`;

export interface ImportTerminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** `durable-hits import`, for the program's table of commands. */
export const importCommand: Command = { options: IMPORT_OPTIONS, operand: "FILE", run: runImport };

/**
 * The entry point of src/cli/import. An input (input.ts) is cut into lines with an id each (lines.ts), parsed into hits
 * (line-format.ts, access-log.ts) and delivered in batches (importer.ts, batch.ts) to a target: a log of its own
 * (direct-target.ts) or a server (http-target.ts). import-state.ts records how far it came. set-command.ts delivers one count
 * to the same targets.
 */
export async function runImport(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: ImportTerminal = process,
): Promise<number> {
  const output = new Output(terminal.stdout, terminal.stderr);
  return await reportFailure({ name: "import", output, failure: UNFINISHED }, async () => {
    const options = readImportOptions(args);
    if (options === undefined) {
      await output.writeLines([HELP]);
      return 0;
    }
    return await interruptible((signal) => importFile({ options, environment, terminal, output, signal }));
  });
}

interface ImportRun {
  readonly options: ImportOptions;
  readonly environment: NodeJS.ProcessEnv;
  readonly terminal: ImportTerminal;
  readonly output: Output;
  readonly signal: AbortSignal;
}

async function importFile({ options, environment, terminal, output, signal }: ImportRun): Promise<number> {
  const input = await openInput(options.file, terminal.stdin);
  const { file } = input;
  const view = progressView({ stderr: terminal.stderr, totalBytes: file?.bytes, quiet: options.quiet });
  const warn = (message: string) => view.print(message);
  const startedAt = performance.now();
  try {
    const config = configFor(environment, options.dir);
    const target = await openTarget({ config, ...options, warn }, signal);
    let result: Imported;
    try {
      result = await importInto({ target, input, options, countBots: config.countBots, view, signal });
    } finally {
      await target.close();
    }
    view.stop();
    const full = { ...result, seconds: (performance.now() - startedAt) / 1000 };
    if (options.json) await output.writeJson(summaryJson(full));
    else await output.writeLines(summaryText(full));
    if (result.stopped !== undefined) {
      output.writeMessage(`import: ${result.stopped}`);
      return UNFINISHED;
    }
    return result.tally.refusedCount > 0 ? REFUSED : 0;
  } finally {
    view.stop();
  }
}

type Result = Imported & { readonly seconds: number };

function summaryJson({ input, target, log, tally, before, stopped, seconds }: Result) {
  return {
    input,
    target,
    log: log ?? null,
    finished: stopped === undefined,
    stopped: stopped ?? null,
    lines: tally.lines,
    before,
    counted: tally.counted,
    replayed: tally.replayed,
    maybeTwice: tally.maybeTwice,
    skipped: Object.fromEntries(tally.skipped),
    refused: Object.fromEntries(tally.refused),
    seconds: Number(seconds.toFixed(3)),
  };
}

function* summaryText({ input, target, log, tally, before, stopped, seconds }: Result): Generator<string> {
  const verb = stopped === undefined ? "imported" : "imported a part of";
  yield `${verb} ${input} into ${target}${log === undefined ? "" : ` (log ${log})`}`;
  if (before > 0) yield `  before   ${grouped(before)} lines were already done`;
  const rate = Math.round(tally.lines / Math.max(0.001, seconds));
  yield `  lines    ${grouped(tally.lines)} in ${seconds.toFixed(1)} s, ${grouped(rate)} per second`;
  const replayed =
    tally.replayed > 0 ? `, ${grouped(tally.replayed)} of them had been counted before, by their ids` : "";
  yield `  counted  ${grouped(tally.counted)}${replayed}`;
  if (tally.skipped.size > 0) yield `  skipped  ${grouped(sumOf(tally.skipped))}: ${byReason(tally.skipped)}`;
  if (tally.refused.size > 0) yield `  refused  ${grouped(sumOf(tally.refused))}: ${byReason(tally.refused)}`;
  if (tally.maybeTwice > 0) {
    yield `  possibly counted twice: ${plural(tally.maybeTwice, "hit")} without an id, whose first response was lost`;
  }
}

function byReason(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([reason, count]) => `${reason} ${grouped(count)}`).join(", ");
}
