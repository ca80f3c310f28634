import path from "node:path";
import { describeError, HitsError } from "../../errors.js";
import { LOCK_NAME } from "../../wal/segment-name.js";
import type { Finding, Probes } from "./check.js";

/** Takes a lock as the log does. */
export type TakeLock = (directory: string) => Promise<{ release(): Promise<void> }>;

/** Checks that locks work on this file system: in the scratch directory, never on the log's own lock. */
export async function checkLocking(scratch: string, take: TakeLock): Promise<Finding> {
  const check = "lock";
  const advice = "put WAL_DIR on a file system with locks: without them two processes can write the same log";
  try {
    const lock = await take(scratch);
    try {
      const second = await take(scratch);
      await second.release();
      return {
        check,
        level: "problem",
        found: "two locks on one file were granted at once: locks have no effect here",
        advice,
      };
    } catch (error) {
      if (error instanceof HitsError && error.code === "LOG_LOCKED") {
        return { check, level: "ok", found: "a lock can be taken here, and excludes a second process" };
      }
      throw error;
    } finally {
      await lock.release();
    }
  } catch (error) {
    return { check, level: "problem", found: `cannot take a lock: ${describeError(error)}`, advice };
  }
}

/** Checks whether a server has the log open. It only reads: taking the lock would keep out a server that starts just then. */
export function checkHolder(probes: Probes, directory: string): Finding {
  const check = "server";
  const file = path.join(directory, LOCK_NAME);
  const identity = probes.identity(file);
  if (identity === undefined) return { check, level: "ok", found: "no server has used this directory yet" };
  const text = probes.text(file)?.trim() ?? "";
  const holder = text === "" ? "a process" : text;
  const locks = probes.text("/proc/locks");
  if (locks === undefined) {
    return { check, level: "note", found: `${holder} has or had the log open: this system does not report which` };
  }
  if (isLocked(locks, identity.ino)) {
    return { check, level: "ok", found: `${holder} has the log open, and is not disturbed by this` };
  }
  return { check, level: "ok", found: "no server has the log open" };
}

/**
 * Finds a lock on an inode in /proc/locks. `MAJOR:MINOR` is not compared, since `stat` has other numbers on btrfs and overlayfs:
 *
 *     2: OFDLCK ADVISORY  WRITE -1 fe:00:9987849 0 EOF
 */
function isLocked(locks: string, inode: number): boolean {
  return locks.split("\n").some((line) => {
    const [, , , mode, , where] = line.trim().split(/\s+/);
    return mode === "WRITE" && where?.split(":").at(-1) === String(inode);
  });
}
