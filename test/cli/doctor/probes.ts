import type { Probes, Volume } from "../../../src/cli/doctor/check.js";

export interface Machine {
  readonly volume?: Partial<Volume>;
  /** The texts of files; only these paths exist. */
  readonly files?: Readonly<Record<string, string>>;
  readonly inode?: number;
  readonly programs?: Readonly<Record<string, string>>;
  readonly wall?: number;
  readonly monotonic?: number;
}

export const EXT4 = 0xef53;
const GIB = 1024 ** 3;

/** Makes the probes of a machine that a test describes. */
export function probesOf({ volume = {}, files = {}, inode, programs = {}, wall, monotonic = 0 }: Machine): Probes {
  const whole = { type: EXT4, bsize: 4096, bavail: (100 * GIB) / 4096, files: 1_000_000, ffree: 900_000, ...volume };
  return {
    volume: () => whole,
    identity: () => (inode === undefined ? undefined : { dev: 1, ino: inode }),
    text: (path) => files[path],
    exists: (path) => files[path] !== undefined,
    output: (program) => Promise.resolve(programs[program]),
    wallClock: () => wall ?? Date.UTC(2026, 5, 1),
    monotonic: () => monotonic,
  };
}
