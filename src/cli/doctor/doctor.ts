import type { Writable } from "node:stream";
import { describeError, HitsError } from "../../errors.js";
import { plural } from "../../model/text.js";
import { LogDirectory } from "../../wal/log-directory.js";
import { Output, OutputClosed } from "../terminal/output.js";
import { printableName } from "../terminal/text.js";
import { examine } from "./examine.js";
import { describeFinding, type Finding } from "./finding.js";
import { readOptions, settingsOf } from "./options.js";
import { type Probes, systemProbes } from "./probes.js";

/**
 * The way in to src/cli/doctor: whether this machine keeps what the log trusts it with. `examine.ts` goes from one check to
 * the next; a check is a file that asks `probes.ts` and judges what it gets; `torture.ts` runs the real server and kills it.
 */
const PROBLEM = 1;
const COULD_NOT_LOOK = 2;
const USAGE = 64;

const HELP = `usage: durable-hits doctor [--dir DIR] [--json] [--torture [--seconds N] [--seed N]]

Looks whether this machine keeps what the log trusts it with: file system, mount, sync, latency, room, lock, clock, container,
and MongoDB where MONGODB_URL is set. Takes a few seconds and at most 24 MiB of writes in a hidden directory of its own
on the disk of the log, which it removes. A running server is not disturbed; nothing is written to MongoDB.

  ok       as it should be
  note     to be known
  warning  works, and may not when it matters
  problem  hits can be lost or refused, or what is set up does not work

  --dir DIR    the log directory (default: WAL_DIR, else ./wal); it need not be there yet
  --json       for machines: {"directory","problems","warnings","findings":[{"check","level","found","advice"}]}
  --torture    runs a server on that disk too, with a log of its own, kills it again and again under load, and compares
               what was acknowledged with what was counted
  --seconds N  for about so long (default 20)
  --seed N     the one that an earlier run has shown
Exit status: 0 no problem; 1 a problem; 2 it could not look; 64 for arguments that are not allowed.`;

export interface Surroundings {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The system itself, unless a test stands in for it. */
  readonly probes?: Probes;
}

/** Runs `durable-hits doctor …`; its exit status. */
export async function runDoctor(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { stdout, stderr, probes = systemProbes }: Surroundings = process,
): Promise<number> {
  const output = new Output(stdout, stderr);
  try {
    const options = readOptions(args, environment);
    if (options === "help") {
      await output.lines([HELP]);
      return 0;
    }
    const { directory, json, torture: asked } = options;
    const torture =
      asked === undefined ? undefined : (await import("./torture.js")).torture(asked, (text) => output.complain(text));
    const findings: Finding[] = [];
    for await (const finding of examine({
      probes,
      directory: new LogDirectory(directory),
      ...settingsOf(environment),
      torture,
    })) {
      findings.push(finding);
      // One by one: some take seconds. Names of files and servers may hold anything.
      if (!json) await output.lines([printableName(describeFinding(finding))]);
    }
    const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length;
    const [problems, warnings] = [count("problem"), count("warning")];
    if (json) await output.json({ directory, problems, warnings, findings });
    else await output.lines([`${plural(problems, "problem")}, ${plural(warnings, "warning")} (${directory})`]);
    return problems > 0 ? PROBLEM : 0;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    output.complain(`doctor: ${describeError(error).replace(/\s*\n\s*/g, " ")}`);
    return error instanceof HitsError && error.code === "INVALID_ARGUMENT" ? USAGE : COULD_NOT_LOOK;
  }
}
