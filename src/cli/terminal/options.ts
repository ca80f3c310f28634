/** What the options of all commands have in common. All of it throws `INVALID_ARGUMENT`, as one line that says what is allowed. */
import path from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { describeError, HitsError } from "../../errors.js";

export function refused(message: string): HitsError {
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
    // Its message may go on for lines of advice: the first sentence says what is wrong.
    throw refused(describeError(error).split(/\.\s|\n/)[0] ?? "");
  }
}

/** The value of `--dir`, where it was given. */
export function givenDirectory(given: string | undefined): string | undefined {
  if (given === "") throw refused("--dir is empty: the path of a log directory is allowed");
  return given === undefined ? undefined : path.resolve(given);
}

/** The log directory: `--dir`, else `WAL_DIR`, else `wal`. */
export function directoryOf(given: string | undefined, environment: NodeJS.ProcessEnv): string {
  const set = environment["WAL_DIR"]?.trim();
  return givenDirectory(given) ?? path.resolve(set === undefined || set === "" ? "wal" : set);
}

export function wholeNumber(
  name: string,
  value: string | undefined,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  const allowed = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`;
  throw refused(`--${name} ${value}: a whole number ${allowed} is allowed`);
}
