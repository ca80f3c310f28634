import fs from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { tryLock } from "fs-native-extensions";
import { describeError, HitsError, systemCode } from "../errors.js";
import { O_NOFOLLOW, refuseLinks } from "./links.js";
import { FILE_MODE } from "./node-file-system.js";
import { LOCK_NAME } from "./segment-name.js";

/** The lock of the one process that writes a log directory. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a log directory, or fails at once and names its holder. It is the kernel's own lock on an open file
 * (`F_OFD_SETLK` on Linux), which ends with the process, works between containers that share the volume, and needs no
 * takeover, since no lock is ever stale. The file's content (its holder) is for people only, and the file is never
 * removed: otherwise two processes could hold locks on two files of one name.
 *
 * Throws `LOG_LOCKED`, `LOG_DIRECTORY` if the file can't be opened or the directory has links of a log's names, `LOCK_UNSUPPORTED` if the file system can't lock.
 */
export async function takeLock(directory: string): Promise<Lock> {
  const file = path.join(directory, LOCK_NAME);
  let handle: fs.promises.FileHandle;
  try {
    await refuseLinks(directory);
    handle = await fs.promises.open(file, fs.constants.O_RDWR | fs.constants.O_CREAT | O_NOFOLLOW, FILE_MODE);
  } catch (error) {
    if (error instanceof HitsError) throw error;
    throw new HitsError(
      "LOG_DIRECTORY",
      `cannot open ${file} for writing (${describeError(error)}): the log needs a directory that this process can write`,
      { cause: error },
    );
  }
  try {
    if (!tryTake(handle.fd, file)) {
      const holder = (await handle.readFile("utf8")).trim();
      throw new HitsError(
        "LOG_LOCKED",
        `${directory} is in use${holder === "" ? "" : ` by ${holder}`}: only one process at a time can write a log. ` +
          "Stop that process, or give this one its own WAL_DIR",
      );
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  await writeHolder(handle);
  return { release: () => handle.close() };
}

function tryTake(fd: number, file: string): boolean {
  try {
    return tryLock(fd);
  } catch (error) {
    if (systemCode(error) === "EACCES") return false;
    throw new HitsError(
      "LOCK_UNSUPPORTED",
      `cannot lock ${file} (${describeError(error)}): put the log on a file system that supports locks`,
      { cause: error },
    );
  }
}

async function writeHolder(handle: fs.promises.FileHandle): Promise<void> {
  try {
    await handle.truncate(0);
    await handle.write(`process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`, 0);
  } catch {
    // A full disk, say: the lock is held all the same.
  }
}
