import type { CommandLine } from "../terminal/command.js";
import { allCommands, type CommandPath, operandValues, optionValues, shortHelp, type Values } from "./table.js";

/** Returns a completion script for fish 3. */
export function fishScript(program: CommandLine): string {
  return [
    "# Completion of durable-hits for fish: durable-hits completion fish | source",
    "complete -c durable-hits -f",
    ...allCommands(program).flatMap(commandLines),
  ].join("\n");
}

function commandLines({ path, line }: CommandPath): string[] {
  const subcommands = line.subcommands ?? [];
  const names = subcommands.map(({ name }) => name).join(" ");
  const conditions = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  if (names !== "") conditions.push(`not __fish_seen_subcommand_from ${names}`);
  const complete = `complete -c durable-hits -n ${quoted(conditions.join("; and "))}`;
  const operand = operandValues(line);
  return [
    ...subcommands.map(({ name, summary }) => `${complete} -a ${name} -d ${quoted(summary)}`),
    ...(operand === undefined || operand === "any text" ? [] : [`${complete} ${candidates(operand)}`]),
    ...Object.entries(line.options).map(([name, option]) => {
      const short = option.short === undefined ? "" : ` -s ${option.short}`;
      const values = optionValues(option);
      const value = values === undefined ? "" : ` -r ${candidates(values)}`;
      return `${complete} -l ${name}${short}${value} -d ${quoted(shortHelp(option))}`;
    }),
  ];
}

function candidates(values: Values): string {
  if (values === "files") return "-F";
  if (values === "directories") return "-f -a '(__fish_complete_directories)'";
  return values === "any text" ? "-f" : `-f -a ${quoted(values.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
