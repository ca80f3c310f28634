import { describeError } from "../../errors.js";
import { checkCounterName } from "../../hit/parse-hit.js";
import { LogDirectory } from "../../wal/log-directory.js";
import { directoryOf, integerOption, invalidArgument, parseOptions } from "../terminal/options.js";
import { COMMON_OPTIONS, type Command, type Invocation, type OwnOption, WAL_OPTIONS } from "./command.js";
import { exportSettings } from "./export-settings.js";

const OWN_OPTIONS = Object.keys(WAL_OPTIONS).filter(
  (name) => !COMMON_OPTIONS.some((common) => common === name),
) as OwnOption[];

type Checked = Omit<Invocation, "output" | "environment" | "interruption" | "bar">;

/** A request for help (of one command or of all), or a command with its settings. */
export type Asked = { readonly help: Command | undefined } | { readonly command: Command; readonly settings: Checked };

/** Reads a command line. Throws `INVALID_ARGUMENT` with one line that has what was expected. */
export function readArguments(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  commands: readonly Command[],
): Asked {
  const { values, positionals } = parseOptions(args, WAL_OPTIONS, true);
  const [name, ...operands] = positionals;
  const command = commands.find((candidate) => candidate.name === name);
  if (name === undefined && values.help === true) return { help: undefined };
  if (command === undefined) {
    const known = commands.map((candidate) => candidate.name).join(", ");
    throw invalidArgument(`${name === undefined ? "no command" : `no command "${name}"`}: must be one of ${known}`);
  }
  if (values.help === true) return { help: command };
  for (const option of OWN_OPTIONS) {
    if (values[option] !== undefined && !command.options.includes(option)) {
      throw invalidArgument(`${command.name} takes no --${option}: usage: ${usage(command)}`);
    }
  }
  const expected = command.operand === undefined ? 0 : 1;
  if (operands.length !== expected || operands[0] === "") throw invalidArgument(`usage: ${usage(command)}`);
  const from = integerOption({ name: "from", value: values.from, min: 0 });
  const to = integerOption({ name: "to", value: values.to, min: 0 });
  if (from !== undefined && to !== undefined && from > to) {
    throw invalidArgument(
      `--from ${from} is past --to ${to}: --from is the first offset shown, --to the first not shown`,
    );
  }
  if (values.counter !== undefined) checkCounter(values.counter);
  const settings = {
    directory: new LogDirectory(directoryOf(values.dir, environment)),
    json: values.json === true,
    from,
    to,
    counter: values.counter,
    follow: values.follow === true,
    top: integerOption({ name: "top", value: values.top, min: 1 }),
    yes: values.yes === true,
    withoutMongodb: values["without-mongodb"] === true,
    exported: exportSettings(values),
    operand: operands[0] ?? "",
  };
  return { command, settings };
}

/** Returns a command's usage line. */
export function usage(command: Command): string {
  const synopsis = command.synopsis === "" ? "" : ` ${command.synopsis}`;
  return `durable-hits wal ${command.name}${synopsis} [--dir DIR] [--json]`;
}

function checkCounter(name: string): void {
  try {
    checkCounterName(name);
  } catch (error) {
    throw invalidArgument(`--counter: ${describeError(error)}`);
  }
}
