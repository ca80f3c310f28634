import { describeError } from "../../errors.js";
import { checkCounterName } from "../../hit/parse-hit.js";
import { directoryOf, parseOptions, refused, wholeNumber } from "../terminal/options.js";
import type { Command, Invocation, OwnOption } from "./command.js";
import { exportSettings } from "./export-settings.js";

const OPTIONS = {
  dir: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  from: { type: "string" },
  to: { type: "string" },
  counter: { type: "string" },
  follow: { type: "boolean", short: "f" },
  top: { type: "string" },
  yes: { type: "boolean" },
  "without-mongodb": { type: "boolean" },
  format: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  output: { type: "string", short: "o" },
  force: { type: "boolean" },
  "no-ids": { type: "boolean" },
  "excel-safe": { type: "boolean" },
} as const;
const OWN: readonly OwnOption[] = [
  ...(["from", "to", "counter", "follow", "top", "yes", "without-mongodb"] as const),
  ...(["format", "since", "until", "output", "force", "no-ids", "excel-safe"] as const),
];

type Checked = Omit<Invocation, "fs" | "output" | "environment" | "interruption" | "bar">;

/** What was asked for: help (of one command or of all), or a command with its settings. */
export type Asked = { readonly help: Command | undefined } | { readonly command: Command; readonly settings: Checked };

/** Throws `INVALID_ARGUMENT` for anything that is not allowed, as one line that says what is. */
export function readArguments(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  commands: readonly Command[],
): Asked {
  const { values, positionals } = parseOptions(args, OPTIONS, true);
  const [name, ...operands] = positionals;
  const command = commands.find((candidate) => candidate.name === name);
  if (name === undefined && values.help === true) return { help: undefined };
  if (command === undefined) {
    const known = commands.map((candidate) => candidate.name).join(", ");
    throw refused(`${name === undefined ? "no command" : `no command "${name}"`}: one of ${known} is allowed`);
  }
  if (values.help === true) return { help: command };
  for (const option of OWN) {
    if (values[option] !== undefined && !command.options.includes(option)) {
      throw refused(`${command.name} takes no --${option}: usage: ${usage(command)}`);
    }
  }
  const expected = command.operand === undefined ? 0 : 1;
  if (operands.length !== expected || operands[0] === "") throw refused(`usage: ${usage(command)}`);
  const from = wholeNumber("from", values.from, 0);
  const to = wholeNumber("to", values.to, 0);
  if (from !== undefined && to !== undefined && from > to) {
    throw refused(`--from ${from} lies behind --to ${to}: --from is the first offset shown, --to the first not shown`);
  }
  if (values.counter !== undefined) checkCounter(values.counter);
  const settings = {
    directory: directoryOf(values.dir, environment),
    json: values.json === true,
    from,
    to,
    counter: values.counter,
    follow: values.follow === true,
    top: wholeNumber("top", values.top, 1),
    yes: values.yes === true,
    withoutMongodb: values["without-mongodb"] === true,
    exported: exportSettings(values),
    operand: operands[0] ?? "",
  };
  return { command, settings };
}

/** `cat [--from N] …`, as in a usage line. */
export function usage(command: Command): string {
  const synopsis = command.synopsis === "" ? "" : ` ${command.synopsis}`;
  return `durable-hits wal ${command.name}${synopsis} [--dir DIR] [--json]`;
}

function checkCounter(name: string): void {
  try {
    checkCounterName(name);
  } catch (error) {
    throw refused(`--counter: ${describeError(error)}`);
  }
}
