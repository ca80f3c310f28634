import { type Config, readConfig } from "../../config.js";
import { describeError } from "../../errors.js";
import { directoryOf, integerOption, invalidArgument, parseOptions } from "../terminal/options.js";

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
  const { dir, json, torture, seconds, seed, help } = parseOptions(args, OPTIONS, false).values;
  if (help === true) return "help";
  if (torture !== true && (seconds !== undefined || seed !== undefined)) {
    throw invalidArgument("--seconds and --seed go with --torture");
  }
  return {
    directory: directoryOf(dir, environment),
    json: json === true,
    torture:
      torture === true
        ? {
            seconds: integerOption({ name: "seconds", value: seconds, min: 1, max: MAX_SECONDS }) ?? TORTURE_SECONDS,
            seed: integerOption({ name: "seed", value: seed, min: 0, max: 2 ** 32 - 1 }),
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
