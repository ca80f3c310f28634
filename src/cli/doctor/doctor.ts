import type { Writable } from "node:stream";
import { type Config, readConfig } from "../../config.js";
import { describeError } from "../../errors.js";
import { plural } from "../../model/text.js";
import { LogDirectory } from "../../wal/log-directory.js";
import { type Command, optionLines, reportFailure } from "../terminal/command.js";
import {
  DIR,
  directoryOf,
  HELP,
  integerOption,
  invalidArgument,
  type Options,
  parseOptions,
} from "../terminal/options.js";
import { Output } from "../terminal/output.js";
import { printableName } from "../terminal/text.js";
import { describeFinding, type Finding, type Probes, systemProbes } from "./check.js";
import { examine } from "./examine.js";

const PROBLEM = 1;
const COULD_NOT_CHECK = 2;
const TORTURE_SECONDS = 20;
const MAX_SECONDS = 86_400;

const OPTIONS = {
  dir: { ...DIR, help: `${DIR.help}; it need not exist yet` },
  json: {
    type: "boolean",
    help: 'prints JSON: {"directory","problems","warnings","findings":[{"check","level","found","advice"}]}',
  },
  torture: {
    type: "boolean",
    help:
      "also runs a server on that disk, with a log of its own, kills it repeatedly under load, and compares the hits that it " +
      "acknowledged with the hits that it counts",
  },
  seconds: { type: "string", value: "N", help: `the approximate duration of the torture (default ${TORTURE_SECONDS})` },
  seed: { type: "string", value: "N", help: "the seed of an earlier torture, which that has printed" },
  help: HELP,
} as const satisfies Options;

const HELP_TEXT = `usage: durable-hits doctor [--dir DIR] [--json] [--torture [--seconds N] [--seed N]]

Checks whether this machine keeps the promises that the log relies on: file system, mount, sync, latency, space, lock, clock,
container, and MongoDB if MONGODB_URL is set. Takes a few seconds and writes at most 24 MiB, in a hidden directory of its own
on the disk of the log, which it removes. It does not disturb a running server, and writes nothing to MongoDB.

  ok       as it should be
  note     for information
  warning  works, but may fail when it matters
  problem  hits can be lost or refused, or a setting does not work

${optionLines(OPTIONS)}
Exit status: 0 no problem; 1 a problem; 2 it could not check; 64 invalid arguments.`;

export interface Surroundings {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The system itself, unless a test replaces it. */
  readonly probes?: Probes;
}

/** `durable-hits doctor`, for the program's table of commands. */
export const doctorCommand: Command = {
  options: OPTIONS,
  // A check that hangs must not keep the process from ending.
  run: async (args, environment) => process.exit(await runDoctor(args, environment)),
};

/**
 * The entry point of src/cli/doctor: checks whether this machine keeps the promises that the log relies on. examine.ts runs the
 * checks in turn; each is a file that asks `Probes` and judges the answers (check.ts); torture.ts runs the real server and
 * kills it. Resolves to the exit status.
 */
export async function runDoctor(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { stdout, stderr, probes = systemProbes }: Surroundings = process,
): Promise<number> {
  const output = new Output(stdout, stderr);
  return await reportFailure({ name: "doctor", output, failure: COULD_NOT_CHECK }, async () => {
    const options = readOptions(args, environment);
    if (options === undefined) {
      await output.writeLines([HELP_TEXT]);
      return 0;
    }
    const { directory, json } = options;
    const torture =
      options.torture === undefined
        ? undefined
        : (await import("./torture.js")).torture(options.torture, (text) => output.writeMessage(text));
    const findings: Finding[] = [];
    for await (const finding of examine({
      probes,
      directory: new LogDirectory(directory),
      ...configOrDefaults(environment),
      torture,
    })) {
      findings.push(finding);
      // Each at once: some checks take seconds. Names of files and servers may contain anything.
      if (!json) await output.writeLines([printableName(describeFinding(finding))]);
    }
    const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length;
    const [problems, warnings] = [count("problem"), count("warning")];
    if (json) await output.writeJson({ directory, problems, warnings, findings });
    else await output.writeLines([`${plural(problems, "problem")}, ${plural(warnings, "warning")} (${directory})`]);
    return problems > 0 ? PROBLEM : 0;
  });
}

interface DoctorOptions {
  readonly directory: string;
  readonly json: boolean;
  readonly torture: { readonly seconds: number; readonly seed: number | undefined } | undefined;
}

/** Reads the arguments; undefined if they ask for help. Throws `INVALID_ARGUMENT`. */
function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): DoctorOptions | undefined {
  const { dir, json, torture, seconds, seed, help } = parseOptions(args, OPTIONS, false).values;
  if (help === true) return undefined;
  if (torture !== true && (seconds !== undefined || seed !== undefined)) {
    throw invalidArgument("--seconds and --seed require --torture");
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

/** Reads the settings; if one is invalid, returns the defaults and the reason. */
function configOrDefaults(environment: NodeJS.ProcessEnv): {
  readonly config: Config;
  readonly refusal: string | undefined;
} {
  try {
    return { config: readConfig(environment), refusal: undefined };
  } catch (error) {
    return { config: readConfig({}), refusal: describeError(error) };
  }
}
