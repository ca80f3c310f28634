import type { CommandLine } from "../terminal/command.js";
import type { Option } from "../terminal/options.js";

/** The completion of an option's value or of an operand. */
export type Values = "files" | "directories" | "any text" | readonly string[];

/** Returns the completion of an option's value; undefined if it takes none. */
export function optionValues({ type, value, choices }: Option): Values | undefined {
  return type === "boolean" ? undefined : valuesOf(value, choices);
}

/** Returns the completion of a command's operand; undefined if it takes none. */
export function operandValues({ operand, choices }: CommandLine): Values | undefined {
  return operand === undefined ? undefined : valuesOf(operand, choices);
}

function valuesOf(name: string | undefined, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return choices;
  return name === "FILE" ? "files" : name === "DIR" ? "directories" : "any text";
}

/** Returns all spellings of an option: `--quiet`, `-q`. */
export function spellings(name: string, { short }: Option): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

/** Shortens the help of an option to its first clause. */
export function shortHelp({ help }: Option): string {
  return help.split(/ \(|[:;] |\. |, like /)[0] ?? "";
}

/** A command with the words that lead to it, like `wal ls`; none for the program itself. */
export interface CommandPath {
  readonly path: readonly string[];
  readonly line: CommandLine;
}

/** Lists the program and all its commands, each before its subcommands. */
export function allCommands(line: CommandLine, path: readonly string[] = []): CommandPath[] {
  const subcommands = line.subcommands ?? [];
  return [{ path, line }, ...subcommands.flatMap((command) => allCommands(command, [...path, command.name]))];
}
