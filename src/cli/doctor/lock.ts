import path from "node:path";
import { describeError, HitsError } from "../../errors.js";
import { LOCK_NAME } from "../../wal/segment-name.js";
import type { Finding } from "./finding.js";
import type { Probes } from "./probes.js";

/** Takes a lock as the log does; `release` lets go of it. */
export type TakeLock = (directory: string) => Promise<{ release(): Promise<void> }>;

/** Whether a lock holds on this file system: it is tried in the scratch directory, never on the log's own. */
export async function checkLocking(scratch: string, take: TakeLock): Promise<Finding> {
  const check = "lock";
  const advice = "put WAL_DIR on a file system with locks: without one two processes can write the same log";
  try {
    const lock = await take(scratch);
    try {
      const second = await take(scratch);
      await second.release();
      return {
        check,
        level: "problem",
        found: "two locks on one file were given at once: locks do nothing here",
        advice,
      };
    } catch (error) {
      if (error instanceof HitsError && error.code === "LOG_LOCKED") {
        return { check, level: "ok", found: "a lock can be taken here, and keeps a second process out" };
      }
      throw error;
    } finally {
      await lock.release();
    }
  } catch (error) {
    return { check, level: "problem", found: `no lock can be taken: ${describeError(error)}`, advice };
  }
}

/** Whether a server holds the log. It is only looked at: to try would keep out a server that starts in that moment. */
export function checkHolder(probes: Probes, directory: string): Finding {
  const check = "server";
  const file = path.join(directory, LOCK_NAME);
  const identity = probes.identity(file);
  if (identity === undefined) return { check, level: "ok", found: "no server has used this directory yet" };
  const holder = probes.text(file)?.trim() ?? "";
  const said = holder === "" ? "a process" : holder;
  const locks = probes.text("/proc/locks");
  if (locks === undefined) {
    return { check, level: "note", found: `${said} has written the log, or still does: this system does not tell` };
  }
  if (isLocked(locks, identity.ino)) {
    return { check, level: "ok", found: `${said} has the log open: it is not disturbed by this` };
  }
  return { check, level: "ok", found: "no server has the log open" };
}

/**
 * A line of /proc/locks; `MAJOR:MINOR` is not compared, since it is not what `stat` says on btrfs and overlayfs:
 *
 *     2: OFDLCK ADVISORY  WRITE -1 fe:00:9987849 0 EOF
 */
function isLocked(locks: string, inode: number): boolean {
  return locks.split("\n").some((line) => {
    const [, , , mode, , where] = line.trim().split(/\s+/);
    return mode === "WRITE" && where?.split(":").at(-1) === String(inode);
  });
}
