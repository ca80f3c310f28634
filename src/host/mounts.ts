import path from "node:path";

/** A line of /proc/self/mountinfo. */
export interface Mount {
  /** `MAJOR:MINOR`. */
  readonly device: string;
  readonly mountPoint: string;
  readonly kind: string;
  readonly source: string;
  /** The options of the mount and of its file system. */
  readonly options: readonly string[];
}

/**
 * Finds the mount that a path is on in the text of /proc/self/mountinfo:
 *
 *     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *     id parent device root point options fields… - kind source options
 */
export function mountOf(mountinfo: string, directory: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountinfo.split("\n")) {
    const [before = "", after] = line.split(" - ");
    const [, , device = "", , point = "", own = ""] = before.split(" ");
    if (after === undefined) continue;
    const [kind = "", source = "", ofFileSystem = ""] = after.split(" ");
    const mountPoint = decodeOctal(point);
    // Of two mounts on one point the later one hides the earlier.
    if (!isWithin(directory, mountPoint) || mountPoint.length < (found?.mountPoint.length ?? 0)) continue;
    const options = [...new Set([...own.split(","), ...ofFileSystem.split(",")])].filter((option) => option !== "");
    found = { device, mountPoint, kind, source: decodeOctal(source), options };
  }
  return found;
}

function isWithin(directory: string, mountPoint: string): boolean {
  const relative = path.relative(mountPoint, directory);
  return relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

/** Decodes white space and backslashes, which are written in octal. */
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

const MAGIC: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  801189825: "zfs",
  4076150800: "f2fs",
  3393526350: "bcachefs",
  16914836: "tmpfs",
  2240043254: "ramfs",
  2035054128: "overlay",
  1635083891: "aufs",
  26985: "nfs",
  4283649346: "cifs",
  4266872130: "smb2",
  1702057286: "fuse",
  16914839: "9p",
  12805120: "ceph",
  19780: "vfat",
  1397118030: "ntfs",
  1936094318: "ntfs3",
};

/** Returns the kind of a file system by the `type` of `statfs`; a number if it is unknown. */
export function kindByMagic(type: number): string {
  // Some systems report it as a negative 32-bit number.
  return MAGIC[type >>> 0] ?? `unknown (0x${(type >>> 0).toString(16)})`;
}
