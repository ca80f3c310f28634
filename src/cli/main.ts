import { readPackageJson } from "../host/package-json.js";
import { type Command, type CommandLine, helpLines, optionLines, reportFailure, USAGE } from "./terminal/command.js";
import { HELP, type Options, parseOptions } from "./terminal/options.js";
import { Output } from "./terminal/output.js";

interface Entry {
  readonly name: string;
  /** Its operands in the list of commands. */
  readonly synopsis: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** The commands of the program. Each is loaded only when it runs: a server needs none of the others. */
const COMMANDS: readonly Entry[] = [
  {
    name: "serve",
    synopsis: "",
    summary: "runs the server",
    load: async () => SERVE,
  },
  {
    name: "wal",
    synopsis: "COMMAND",
    summary: "inspects and repairs a log directory",
    load: async () => (await import("./wal/wal-command.js")).walCommand,
  },
  {
    name: "import",
    synopsis: "FILE|-",
    summary: "counts the lines of a file: NDJSON or an access log",
    load: async () => (await import("./import/import-command.js")).importCommand,
  },
  {
    name: "set",
    synopsis: "COUNTER N",
    summary: "brings a counter to N",
    load: async () => (await import("./import/set-command.js")).setCommand,
  },
  {
    name: "doctor",
    synopsis: "",
    summary: "checks whether this machine keeps the promises that the log relies on",
    load: async () => (await import("./doctor/doctor.js")).doctorCommand,
  },
  {
    name: "completion",
    synopsis: "SHELL",
    summary: "prints a completion script for bash, zsh or fish",
    load: async () => (await import("./completion/completion-command.js")).completionCommand(program),
  },
];

const OPTIONS = {
  version: { type: "boolean", help: "prints the version" },
  help: { ...HELP, help: "prints this; COMMAND --help describes a command" },
} as const satisfies Options;

const SERVE_HELP = `usage: durable-hits serve

Runs the server until SIGTERM or Ctrl-C. All settings are environment variables; the README lists them.

${optionLines({ help: HELP })}`;

const SERVE: Command = {
  options: { help: HELP },
  async run(args, environment) {
    const output = new Output(process.stdout, process.stderr);
    let isHelp = false;
    const status = await reportFailure({ name: "serve", output, failure: USAGE }, async () => {
      isHelp = parseOptions(args, { help: HELP }, false).values.help === true;
      if (isHelp) await output.writeLines([SERVE_HELP]);
      return 0;
    });
    if (isHelp || status !== 0) return status;
    await (await import("../server/main.js")).serve(environment);
    return undefined;
  },
};

/**
 * Runs `durable-hits …`. Resolves to the exit status; undefined if a server has started, which ends the process itself.
 */
export async function main(
  [name, ...rest]: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number | undefined> {
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry !== undefined) return await (await entry.load()).run(rest, environment);
  const output = new Output(process.stdout, process.stderr);
  return await reportFailure({ name: "durable-hits", output, failure: USAGE }, async () => {
    const isAlone = rest.length === 0;
    if (name === "--version" && isAlone) await output.writeLines([readPackageJson().version]);
    else if (name === "--help" || name === "-h" || name === "help") await output.writeLines([usage()]);
    else {
      for (const line of usage().split("\n")) output.writeMessage(line);
      return USAGE;
    }
    return 0;
  });
}

function usage(): string {
  const rows = COMMANDS.map(({ name, synopsis, summary }) => [`${name} ${synopsis}`.trimEnd(), summary] as const);
  return `usage: durable-hits COMMAND

${helpLines(rows)}

${optionLines(OPTIONS)}`;
}

/** Loads the tables of all commands, for completion. */
export async function program(): Promise<CommandLine> {
  const commands = COMMANDS.map(async ({ name, summary, load }) => ({ ...(await load()), name, summary }));
  return { options: OPTIONS, subcommands: await Promise.all(commands) };
}
