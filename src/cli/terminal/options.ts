/**
 * Options that commands share, and how all of them read theirs. Everything here throws `INVALID_ARGUMENT`, with one line
 * that names the option, its value and what is expected.
 */
import path from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { describeError, HitsError } from "../../errors.js";

/** One option of a command: what `parseArgs` needs, and what help and completion show of it. */
export interface Option {
  readonly type: "boolean" | "string";
  readonly short?: string;
  readonly multiple?: true;
  /** The name of its value in help. `FILE` and `DIR` complete to paths. */
  readonly value?: string;
  /** Every value that is accepted, if these can be listed. */
  readonly choices?: readonly string[];
  /** Completion shows the first clause: up to a parenthesis, a colon, a semicolon or a full stop. */
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** The options of every command that works on a log directory. */
export const DIR = {
  type: "string",
  value: "DIR",
  help: "the log directory (default: WAL_DIR, else ./wal)",
} as const satisfies Option;
export const HELP = { type: "boolean", short: "h", help: "prints this" } as const satisfies Option;

export function invalidArgument(message: string): HitsError {
  return new HitsError("INVALID_ARGUMENT", message);
}

export function parseOptions<T extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: T,
  allowPositionals: boolean,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    // Its message may contain lines of advice: the first sentence states the error.
    throw invalidArgument(describeError(error).split(/\.\s|\n/)[0] ?? "");
  }
}

/** Returns the absolute path given with `--dir`; undefined without one. */
export function givenDirectory(given: string | undefined): string | undefined {
  if (given === "") throw invalidArgument("--dir is empty: it must be the path of a log directory");
  return given === undefined ? undefined : path.resolve(given);
}

/** Returns the log directory: `--dir`, else `WAL_DIR`, else `wal`. */
export function directoryOf(given: string | undefined, environment: NodeJS.ProcessEnv): string {
  const set = environment["WAL_DIR"]?.trim();
  return givenDirectory(given) ?? path.resolve(set === undefined || set === "" ? "wal" : set);
}

export interface IntegerOption {
  readonly name: string;
  readonly value: string | undefined;
  readonly min: number;
  readonly max?: number;
}

/** Reads the integer given with an option; undefined without one. */
export function integerOption({ name, value, min, max = Number.MAX_SAFE_INTEGER }: IntegerOption): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw invalidArgument(`--${name} ${value}: must be an integer ${range}`);
}
