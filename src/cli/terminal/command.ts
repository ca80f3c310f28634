import { describeError, HitsError } from "../../errors.js";
import type { Options } from "./options.js";
import { type Output, OutputClosed } from "./output.js";
import { wrapped } from "./text.js";

/** The exit status for invalid arguments. */
export const USAGE = 64;

/** The operands and options of a command, as completion offers them. */
export interface CommandLine {
  readonly options: Options;
  /** The name of its operand in help. `FILE` and `DIR` complete to paths. */
  readonly operand?: string;
  /** Every operand that is accepted, if these can be listed. */
  readonly choices?: readonly string[];
  readonly subcommands?: readonly Subcommand[];
}

export interface Subcommand extends CommandLine {
  readonly name: string;
  readonly summary: string;
}

/** A command of the program. */
export interface Command extends CommandLine {
  /** Resolves to the exit status; undefined for a server, which runs on and ends the process itself. */
  run(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number | undefined>;
}

/** Lists options for `--help`: one per row. */
export function optionLines(options: Options): string {
  return helpLines(
    Object.entries(options).map(([name, { short, value, help }]) => [
      `--${name}${value === undefined ? "" : ` ${value}`}${short === undefined ? "" : `, -${short}`}`,
      help,
    ]),
  );
}

/** Lays out terms and their descriptions in two columns, descriptions wrapped. */
export function helpLines(rows: readonly (readonly [term: string, description: string])[]): string {
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows
    .flatMap(([term, description]) =>
      wrapped(description, 120 - width).map((line, index) => `  ${(index === 0 ? term : "").padEnd(width)}  ${line}`),
    )
    .join("\n");
}

export interface Reporting {
  /** Precedes the message on standard error. */
  name: string;
  readonly output: Output;
  /** The exit status for what is thrown, refused arguments excepted. */
  failure: number;
}

/**
 * Resolves to the exit status of a command's body. What it throws becomes a line on standard error; a reader that closed the
 * output (`| head`) is no failure.
 */
export async function reportFailure(reporting: Reporting, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    const { name, output, failure } = reporting;
    output.writeMessage(`${name}: ${describeError(error).replace(/\s*\n\s*/g, " ")}`);
    return error instanceof HitsError && error.code === "INVALID_ARGUMENT" ? USAGE : failure;
  }
}

/** Runs `body` with a signal that Ctrl-C or SIGTERM raises; a second one ends the process at once. */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    return await body(controller.signal);
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}
