import fs from "node:fs";
import path from "node:path";
import { HitsError } from "../errors.js";
import { isOwnName } from "./segment-name.js";

/** Opens a file only if it is no symbolic link: `ELOOP` otherwise. Windows has no such flag. */
export const O_NOFOLLOW: number = fs.constants.O_NOFOLLOW ?? 0;

/**
 * Throws `LOG_DIRECTORY` if anything of a log's in its directory is a symbolic link: its author could choose what a start
 * overwrites. The directory itself may be one.
 */
export async function refuseLinks(directory: string): Promise<void> {
  for (const entry of await fs.promises.readdir(directory, { withFileTypes: true })) {
    if (entry.isSymbolicLink() && isOwnName(entry.name)) throw linkError(path.join(directory, entry.name));
  }
}

export function linkError(file: string): HitsError {
  return new HitsError(
    "LOG_DIRECTORY",
    `${file} is a symbolic link, through which nothing is written: remove it, or replace it by what it leads to`,
  );
}
