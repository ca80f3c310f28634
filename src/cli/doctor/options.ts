import path from "node:path";
import { parseArgs } from "node:util";
import { type Config, readConfig } from "../../config.js";
import { describeError, HitsError } from "../../errors.js";

const OPTIONS = {
  dir: { type: "string" },
  json: { type: "boolean" },
  torture: { type: "boolean" },
  seconds: { type: "string" },
  seed: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

const TORTURE_SECONDS = 20;
const MAX_SECONDS = 86_400;

export interface DoctorOptions {
  readonly directory: string;
  readonly json: boolean;
  readonly torture: { readonly seconds: number; readonly seed: number | undefined } | undefined;
}

/** What was typed; "help" where that was asked for. Throws `INVALID_ARGUMENT`. */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): DoctorOptions | "help" {
  const { dir, json, torture, seconds, seed, help } = parse(args);
  if (help === true) return "help";
  if (dir === "") throw refused("--dir is empty: the path of a log directory is allowed");
  if (torture !== true && (seconds !== undefined || seed !== undefined)) {
    throw refused("--seconds and --seed go with --torture");
  }
  const set = environment["WAL_DIR"]?.trim();
  return {
    directory: path.resolve(dir ?? (set === undefined || set === "" ? "wal" : set)),
    json: json === true,
    torture:
      torture === true
        ? {
            seconds: wholeNumber("seconds", seconds, 1, MAX_SECONDS) ?? TORTURE_SECONDS,
            seed: wholeNumber("seed", seed, 0, 2 ** 32 - 1),
          }
        : undefined,
  };
}

/** The settings, or the defaults where they can't be used, and why they can't. */
export function settingsOf(environment: NodeJS.ProcessEnv): {
  readonly config: Config;
  readonly refusal: string | undefined;
} {
  try {
    return { config: readConfig(environment), refusal: undefined };
  } catch (error) {
    return { config: readConfig({}), refusal: describeError(error) };
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw refused(describeError(error).split(/\.\s|\n/)[0] ?? "");
  }
}

function wholeNumber(name: string, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw refused(`--${name} ${value}: a whole number from ${min} to ${max} is allowed`);
}

function refused(message: string): HitsError {
  return new HitsError("INVALID_ARGUMENT", message);
}
