import { execFile } from "node:child_process";
import { readFileSync, statfsSync, statSync } from "node:fs";
import { promisify } from "node:util";

/**
 * The result of one check. `ok`: as it should be. `note`: for information. `warning`: works, but may fail when it matters.
 * `problem`: hits can be lost or refused, or a setting does not work.
 */
export interface Finding {
  readonly check: string;
  readonly level: "ok" | "note" | "warning" | "problem";
  readonly found: string;
  /** The remedy; undefined if nothing needs to be done. */
  readonly advice?: string;
}

/** Formats a finding as one line for people. */
export function describeFinding({ check, level, found, advice }: Finding): string {
  return `${level.padEnd(7)}  ${check}: ${found}${advice === undefined ? "" : `. To do: ${advice}`}`;
}

/** The parts of `statfs` that the checks use. */
export interface Volume {
  /** The magic number of the file system's kind. */
  readonly type: number;
  readonly bsize: number;
  readonly bavail: number;
  /** Inodes in total (0 if the file system does not limit them) and free. */
  readonly files: number;
  readonly ffree: number;
}

/** The queries that checks make of the system, which tests replace by any machine. None of them throws. */
export interface Probes {
  volume(directory: string): Volume | undefined;
  /** Device and inode number of a file. */
  identity(path: string): { readonly dev: number; readonly ino: number } | undefined;
  /** Reads a small file, or one of /proc and /sys; undefined if that fails. */
  text(path: string): string | undefined;
  exists(path: string): boolean;
  /** Resolves to the output of a program; undefined if it is missing, fails, or takes two seconds. */
  output(program: string, ...args: string[]): Promise<string | undefined>;
  /** Epoch milliseconds of the system clock, and milliseconds that setting it does not change. */
  wallClock(): number;
  monotonic(): number;
}

const run = promisify(execFile);
const PROGRAM_MS = 2000;

export const systemProbes: Probes = {
  volume: (directory) => orUndefined(() => statfsSync(directory)),
  identity: (path) => orUndefined(() => statSync(path)),
  text: (path) => orUndefined(() => readFileSync(path, "utf8")),
  exists: (path) => orUndefined(() => statSync(path)) !== undefined,
  output: (program, ...args) =>
    run(program, args, { timeout: PROGRAM_MS, killSignal: "SIGKILL" }).then(
      ({ stdout }) => stdout,
      () => undefined,
    ),
  wallClock: () => Date.now(),
  monotonic: () => performance.now(),
};

function orUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
