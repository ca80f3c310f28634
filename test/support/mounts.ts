/** File systems of a test's own: tmpfs and ext4 on image files, unmounted when the process ends, however it ends. */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { temporaryDirectory } from "./server-process.js";

const run = promisify(execFile);
/** A file system that is frozen by a test is thawed after so long at the latest, also when the test's process is gone. */
const FREEZE_SECONDS = 10;

const mounted: Mount[] = [];
// Before the directories of this test are removed: nothing may be removed through a mount.
process.prependListener("exit", () => {
  for (const mount of mounted.toReversed()) mount.unmount();
});

export class Mount {
  readonly directory: string;
  #there = true;

  private constructor(directory: string) {
    this.directory = directory;
    mounted.push(this);
  }

  static tmpfs(options: string): Mount {
    return Mount.#at(["-t", "tmpfs", "-o", options, "tmpfs"]);
  }

  /** An ext4 on a new image file of so many bytes. */
  static ext4(image: string, bytes: number, options = "errors=remount-ro"): Mount {
    writeFileSync(image, "");
    truncateSync(image, bytes);
    execFileSync("mkfs.ext4", ["-q", "-F", image], { stdio: "pipe" });
    return Mount.image(image, options);
  }

  /** Mounts an image file; its journal is replayed, as after a power cut. */
  static image(image: string, options = "errors=remount-ro"): Mount {
    return Mount.#at(["-o", `loop,${options}`, image]);
  }

  /** Mounts an overlay, as a container's root is: writes go to `upper`. */
  static overlay(lower: string, upper: string, work: string): Mount {
    return Mount.#at(["-t", "overlay", "-o", `lowerdir=${lower},upperdir=${upper},workdir=${work}`, "overlay"]);
  }

  static #at(options: readonly string[]): Mount {
    const directory = path.join(temporaryDirectory(), "mount");
    mkdirSync(directory);
    execFileSync("mount", [...options, directory], { stdio: "pipe" });
    return new Mount(directory);
  }

  remount(options: string): void {
    execFileSync("mount", ["-o", `remount,${options}`, this.directory], { stdio: "pipe" });
  }

  /** Makes an ext4 fail as after an error of its device: from now on, every write fails with "read-only file system". */
  failReadOnly(): void {
    const device = execFileSync("findmnt", ["-no", "SOURCE", this.directory], { encoding: "utf8" }).trim();
    writeFileSync(`/sys/fs/ext4/${path.basename(device)}/trigger_fs_error`, "1");
  }

  /**
   * Copies a file of this file system at one moment: nothing is written here from before the copy until after it. Done by
   * a shell of its own, which thaws whatever becomes of this process.
   */
  async copyFrozen(from: string, to: string): Promise<void> {
    const script =
      `fsfreeze -f "$1" || exit 1; timeout ${FREEZE_SECONDS} cp --sparse=always "$2" "$3"; ` +
      'status=$?; fsfreeze -u "$1"; exit $status';
    await run("sh", ["-c", script, "sh", this.directory, from, to]);
  }

  unmount(): void {
    if (!this.#there) return;
    this.#there = false;
    if (spawnSync("umount", [this.directory]).status !== 0) spawnSync("umount", ["-l", this.directory]);
  }
}

/** Returns whether this user may mount a tmpfs here. */
export function canMount(): boolean {
  return works(() => Mount.tmpfs("size=64k").unmount());
}

/** Resolves to whether this user may mount and freeze ext4 images. */
export async function canMountImages(): Promise<boolean> {
  try {
    const image = path.join(temporaryDirectory(), "image");
    const mount = Mount.ext4(image, 8 * 1024 * 1024);
    try {
      writeFileSync(path.join(mount.directory, "file"), "x");
      await mount.copyFrozen(path.join(mount.directory, "file"), `${image}.copy`);
    } finally {
      mount.unmount();
    }
    return true;
  } catch {
    return false;
  }
}

function works(probe: () => void): boolean {
  if (process.platform !== "linux") return false;
  try {
    probe();
    return true;
  } catch {
    return false;
  }
}
