import { execFile } from "node:child_process";
import { readFileSync, statfsSync, statSync } from "node:fs";
import { promisify } from "node:util";

/** `statfs` as far as it counts here. */
export interface Volume {
  /** The magic number of the file system's kind. */
  readonly type: number;
  readonly bsize: number;
  readonly bavail: number;
  /** Inodes in all (0 where the file system does not count them) and free. */
  readonly files: number;
  readonly ffree: number;
}

/** What the doctor asks of the system, so that tests can be on any machine. None of it throws. */
export interface Probes {
  volume(directory: string): Volume | undefined;
  /** Device and inode number of a file. */
  identity(path: string): { readonly dev: number; readonly ino: number } | undefined;
  /** Of small files, and those of /proc and /sys. */
  text(path: string): string | undefined;
  exists(path: string): boolean;
  /** What a program prints; undefined where it is not there, fails, or takes two seconds. */
  output(program: string, ...args: string[]): Promise<string | undefined>;
  /** Epoch milliseconds by the clock on the wall, and milliseconds that it can't change. */
  wallClock(): number;
  monotonic(): number;
}

const run = promisify(execFile);
const PROGRAM_MS = 2000;

export const systemProbes: Probes = {
  volume: (directory) => orNothing(() => statfsSync(directory)),
  identity: (path) => orNothing(() => statSync(path)),
  text: (path) => orNothing(() => readFileSync(path, "utf8")),
  exists: (path) => orNothing(() => statSync(path)) !== undefined,
  output: (program, ...args) =>
    run(program, args, { timeout: PROGRAM_MS, killSignal: "SIGKILL" }).then(
      ({ stdout }) => stdout,
      () => undefined,
    ),
  wallClock: () => Date.now(),
  monotonic: () => performance.now(),
};

function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
