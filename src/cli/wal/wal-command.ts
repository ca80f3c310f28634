import type { Writable } from "node:stream";
import { type Command as ProgramCommand, reportFailure } from "../terminal/command.js";
import { Output } from "../terminal/output.js";
import { type Asked, readArguments, usage } from "./arguments.js";
import { auditCommand } from "./audit.js";
import { catCommand } from "./cat.js";
import type { Command } from "./command.js";
import { countsCommand } from "./counts.js";
import { exportCommand } from "./export.js";
import { forgetCommand } from "./forget.js";
import { forkCommand } from "./fork.js";
import { lsCommand } from "./ls.js";
import { COMMON_OPTIONS, WAL_OPTIONS } from "./options.js";
import { rebuildCommand } from "./rebuild.js";
import { repairCommand } from "./repair.js";
import { statusCommand } from "./status.js";
import { verifyCommand } from "./verify.js";

/**
 * The way in to src/cli, the inspection script. Each command is a file that yields rows or findings and says how they look
 * (command.ts); arguments.ts checks what was typed, output.ts writes, columns.ts and printable.ts are for people's eyes. The
 * commands read a live log from another process: they take no lock, write nothing into it (`repair`, `rebuild`, `forget` and `fork` aside), and believe
 * only what they have made durable themselves, as LogReader does without a writer's durable end.
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
  /** What ends a command that would go on; Ctrl-C where it is not given. */
  readonly interruption?: AbortSignal;
}

/**
 * Runs `durable-hits wal …`; its exit status: 0, 1 where something is wrong or can't be read (2 where an audit could not
 * look), 64 for arguments that are not allowed. Whoever reads the output may go away at any time, which ends it quietly
 * with 0.
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

Looks into a log directory. The server may be running: it is not disturbed, and nothing is written but by repair, rebuild,
forget and fork.

${lines.join("\n")}

  --dir DIR  the log directory (default: WAL_DIR, else ./wal)
  --json     for machines: one JSON document, or a JSON line for each row of ls, cat and export
  --help     this, or with a command what it shows, its options and its exit statuses
Exit status: 0; 1 where something is wrong or can't be read (2 where audit could not look); 64 for arguments that are
not allowed.`;
}
