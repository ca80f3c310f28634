import type { Writable } from "node:stream";
import { type Command as ProgramCommand, reportFailure } from "../terminal/command.js";
import { Output } from "../terminal/output.js";
import { type Asked, readArguments, usage } from "./arguments.js";
import { auditCommand } from "./audit.js";
import { catCommand } from "./cat.js";
import { COMMON_OPTIONS, type Command, WAL_OPTIONS } from "./command.js";
import { countsCommand } from "./counts.js";
import { exportCommand } from "./export.js";
import { forgetCommand } from "./forget.js";
import { forkCommand } from "./fork.js";
import { lsCommand } from "./ls.js";
import { rebuildCommand } from "./rebuild.js";
import { repairCommand } from "./repair.js";
import { statusCommand } from "./status.js";
import { verifyCommand } from "./verify.js";

/**
 * The commands of `durable-hits wal`, and the way in to src/cli/wal. Each is a file that formats and prints what
 * src/maintenance does; arguments.ts checks the command line. The commands read a live log from another process: they take no
 * lock, write nothing into it (except `repair`, `rebuild`, `forget` and `fork`), and trust only bytes that they have made
 * durable themselves, as LogReader does without a writer's durable end.
 */
const COMMANDS: readonly Command[] = [
  lsCommand,
  catCommand,
  exportCommand,
  countsCommand,
  verifyCommand,
  statusCommand,
  auditCommand,
  repairCommand,
  rebuildCommand,
  forgetCommand,
  forkCommand,
];

const FAILED = 1;

export interface Terminal {
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Ends a command that would continue; without it Ctrl-C does. */
  readonly interruption?: AbortSignal;
}

/**
 * Runs `durable-hits wal …` and resolves to its exit status: 0, 1 if something is wrong or can't be read (2 if an audit was
 * inconclusive), 64 for invalid arguments. If the reader of the output exits, the command ends quietly with 0.
 */
export async function runWalCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: Terminal = process,
): Promise<number> {
  const reporting = { name: "wal", output: new Output(terminal.stdout, terminal.stderr), failure: FAILED };
  let stopListening = () => {};
  return await reportFailure(reporting, async () => {
    const { output } = reporting;
    const asked = readArguments(args, environment, COMMANDS);
    if ("help" in asked) {
      await output.writeLines([helpFor(asked)]);
      return 0;
    }
    reporting.name = `wal ${asked.command.name}`;
    reporting.failure = asked.command.failure ?? FAILED;
    const interruption = () => {
      if (terminal.interruption !== undefined) return terminal.interruption;
      const controller = new AbortController();
      const interrupt = () => controller.abort();
      // Once: a second Ctrl-C ends a process that does not get to the first.
      process.once("SIGINT", interrupt);
      stopListening = () => process.off("SIGINT", interrupt);
      return controller.signal;
    };
    const bar = { stderr: terminal.stderr, isStdoutTerminal: terminal.stdout.isTTY === true };
    return await asked.command.run({ ...asked.settings, output, bar, environment, interruption });
  }).finally(() => stopListening());
}

/** `durable-hits wal`, for the program's own table. */
export const walCommand: ProgramCommand = {
  options: optionsNamed(COMMON_OPTIONS),
  subcommands: COMMANDS.map(({ name, summary, options, operand }) => ({
    name,
    summary,
    options: optionsNamed([...COMMON_OPTIONS, ...options]),
    ...(operand === undefined ? {} : { operand }),
  })),
  run: runWalCommand,
};

function optionsNamed(names: readonly (keyof typeof WAL_OPTIONS)[]) {
  return Object.fromEntries(names.map((name) => [name, WAL_OPTIONS[name]]));
}

function helpFor({ help }: Extract<Asked, { help: unknown }>): string {
  if (help !== undefined) return `usage: ${usage(help)}\n\n${help.help}`;
  const lines = COMMANDS.map(
    (command) => `  ${`${command.name} ${command.synopsis}`.trimEnd()}\n      ${command.summary}`,
  );
  return `usage: durable-hits wal COMMAND [--dir DIR] [--json]

Inspects and repairs a log directory. The server may be running, and is not disturbed. Only repair, rebuild, forget and fork
write anything.

${lines.join("\n")}

  --dir DIR  the log directory (default: WAL_DIR, else ./wal)
  --json     for machines: one JSON document, or a JSON line for each row of ls, cat and export
  --help     this; with a command its output, options and exit statuses
Exit status: 0; 1 if something is wrong or can't be read (2 if audit was inconclusive); 64 for invalid arguments.`;
}
