import fs from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { tryLock } from "fs-native-extensions";
import { describeError, HitsError, systemCode } from "../errors.js";
import { FILE_MODE } from "./node-file-system.js";
import { LOCK_NAME } from "./segment-name.js";

/** Held by the one process that writes a log directory. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a log directory, or says at once who has it. It is the kernel's own lock on an open file
 * (`F_OFD_SETLK` on Linux), which goes with the process, holds between containers that share the volume, and needs no
 * takeover: there is no stale lock to judge. The file's content (who holds it) is for people only, and the file is never
 * removed: two processes could else hold locks on two files of one name.
 *
 * Throws `LOG_LOCKED`, `LOG_DIRECTORY` where the file can't be opened, `LOCK_UNSUPPORTED` where the file system can't lock.
 */
export async function takeLock(directory: string): Promise<Lock> {
  const file = path.join(directory, LOCK_NAME);
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(file, fs.constants.O_RDWR | fs.constants.O_CREAT, FILE_MODE);
  } catch (error) {
    throw new HitsError(
      "LOG_DIRECTORY",
      `${file} can't be opened for writing (${describeError(error)}): the log needs a directory that this process may write`,
      { cause: error },
    );
  }
  try {
    if (!tryTake(handle.fd, file)) {
      const holder = (await handle.readFile("utf8")).trim();
      throw new HitsError(
        "LOG_LOCKED",
        `${directory} is in use${holder === "" ? "" : ` by ${holder}`}: one process at a time writes a log. ` +
          "Stop that one, or give this one a WAL_DIR of its own",
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
      `${file} can't be locked (${describeError(error)}): put the log on a file system that supports locks`,
      { cause: error },
    );
  }
}

async function writeHolder(handle: fs.promises.FileHandle): Promise<void> {
  try {
    await handle.truncate(0);
    await handle.write(`process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`, 0);
  } catch {
    // A full disk: the lock holds all the same.
  }
}
