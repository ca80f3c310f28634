import { checkLogDirectory } from "../../../src/cli/log-directory.js";
import { dryRepair, type RepairOptions, repairLog } from "../../../src/cli/repair-act.js";
import type { Step } from "../../../src/cli/repair-steps.js";
import { verifyLog } from "../../../src/cli/verify-log.js";
import { HitsError } from "../../../src/errors.js";
import type { FileSystem } from "../../../src/wal/file-system.js";
import { DIRECTORY } from "./server.js";

/**
 * `wal repair` as the command runs it, on any file system and with nobody to ask: what it did, or would do. Undefined
 * where there is no log yet.
 */
export async function repair(fs: FileSystem, how: "dry" | "yes"): Promise<readonly Step[] | undefined> {
  const options: RepairOptions = {
    fs,
    directory: DIRECTORY,
    ask: undefined,
    withoutMongodb: false,
    windowMs: 86_400_000,
    lock: async () => ({ release: async () => undefined }),
  };
  try {
    await checkLogDirectory(fs, DIRECTORY);
  } catch (error) {
    if (error instanceof HitsError && error.code === "LOG_DIRECTORY") return undefined;
    throw error;
  }
  const { steps, byHand } = how === "dry" ? await dryRepair(options) : await repairLog(options);
  if (byHand.length > 0) throw new Error(`repair leaves to a person: ${byHand.join(", ")}`);
  return steps;
}

/** What the command does behind it: throws where something is left. */
export async function verifyRepaired(fs: FileSystem): Promise<void> {
  const { sound, findings } = await verifyLog(fs, DIRECTORY);
  if (!sound) throw new Error(`verify after a repair finds ${JSON.stringify(findings)}`);
}

/** Runs it on a log that no disk has lied about: there is nothing to do then, whatever a crash left. */
export async function repairNothing(fs: FileSystem, how: "dry" | "yes"): Promise<readonly Step[] | undefined> {
  const steps = await repair(fs, how);
  if (steps !== undefined && steps.length > 0)
    throw new Error(`a repair of what is no damage: ${JSON.stringify(steps)}`);
  return steps;
}
