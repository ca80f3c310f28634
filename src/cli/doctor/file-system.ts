import { kindByMagic, type Mount } from "../../host/mounts.js";
import type { Finding, Probes } from "./check.js";

const LOCAL = new Set(["ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"]);
const MEMORY = new Set(["tmpfs", "ramfs"]);
const LAYERS = new Set(["overlay", "aufs"]);
const REMOTE = new Set(["nfs", "cifs", "smb2", "fuse", "9p", "ceph"]);

/** Mount options that break syncs or locks, and how. */
const SUSPECT: Readonly<Record<string, string>> = {
  nobarrier: "it sends no cache flushes to the disk: a power cut loses acknowledged hits",
  "barrier=0": "it sends no cache flushes to the disk: a power cut loses acknowledged hits",
  nolock: "locks hold on this machine only: two machines could write one log",
  "local_lock=all": "locks hold on this machine only: two machines could write one log",
  nobrl: "locks hold on this machine only: two machines could write one log",
  volatile: "an overlay that omits every sync",
  "sync=disabled": "it omits every sync",
};

/** Checks the file system of the log directory. */
export function checkFileSystem(probes: Probes, directory: string, mount: Mount | undefined): Finding {
  const volume = probes.volume(directory);
  if (volume === undefined) {
    return {
      check: "file system",
      level: "problem",
      found: `${directory} cannot be accessed`,
      advice: "make sure that it exists and that this user may read it",
    };
  }
  const kind = kindByMagic(volume.type);
  const where = mount === undefined ? kind : `${kind} (${mount.kind} ${mount.source}, mounted at ${mount.mountPoint})`;
  return { check: "file system", ...judge(kind, where) };
}

function judge(kind: string, where: string): Omit<Finding, "check"> {
  if (LOCAL.has(kind)) return { level: "ok", found: where };
  if (MEMORY.has(kind)) {
    return {
      level: "problem",
      found: `${where} is memory: a reboot loses everything in it`,
      advice: "put WAL_DIR on a disk",
    };
  }
  if (LAYERS.has(kind)) {
    return {
      level: "problem",
      found: `${where} usually is a container's own layer: files in it are lost with the container`,
      advice: "put WAL_DIR on a volume (docker run -v hits:/data -e WAL_DIR=/data/wal …)",
    };
  }
  if (REMOTE.has(kind)) {
    return {
      level: "warning",
      found: `${where}: locks and syncs are only as reliable as the server's`,
      advice:
        "prefer a local disk; make sure that the server syncs before it answers, and never let two machines use one directory",
    };
  }
  return {
    level: "warning",
    found: `${where}: durable-hits is not tested on it`,
    advice: "prefer ext4 or xfs, and test this one with --torture",
  };
}

/** Checks the mount options; undefined if the system does not report them. */
export function checkMountOptions(mount: Mount | undefined): Finding | undefined {
  if (mount === undefined) return undefined;
  const check = "mount";
  const options = mount.options.join(",");
  if (mount.options.includes("ro")) {
    const found = `${mount.mountPoint} is mounted read-only (${options})`;
    return { check, level: "problem", found, advice: "mount it rw: a failed disk is remounted ro, see dmesg" };
  }
  const suspect = mount.options.find((option) => SUSPECT[option] !== undefined);
  if (suspect === undefined) return { check, level: "ok", found: options };
  const found = `${mount.mountPoint} is mounted with ${suspect}: ${SUSPECT[suspect]}`;
  return { check, level: "warning", found, advice: `mount it without ${suspect}` };
}

/** Checks that the log outlives a container. */
export function checkContainer(probes: Probes, mount: Mount | undefined): Finding {
  const check = "container";
  const container = detectContainer(probes);
  if (container === undefined) return { check, level: "ok", found: "no container was detected" };
  if (mount === undefined) {
    const found = `runs in a container (${container}); the mount of WAL_DIR is unknown`;
    return { check, level: "warning", found, advice: "make sure that WAL_DIR is on a volume" };
  }
  if (mount.mountPoint !== "/") {
    return { check, level: "ok", found: `runs in a container (${container}), WAL_DIR is on a mount of its own` };
  }
  return {
    check,
    level: "warning",
    found: `runs in a container (${container}), and WAL_DIR is on its root file system, which is lost with the container`,
    advice: "put WAL_DIR on a volume, unless this root file system is persistent",
  };
}

/** Returns the evidence of a container; undefined if there is none. */
function detectContainer(probes: Probes): string | undefined {
  for (const file of ["/.dockerenv", "/run/.containerenv"]) if (probes.exists(file)) return file;
  const group = /docker|kubepods|containerd|libpod|lxc/.exec(probes.text("/proc/1/cgroup") ?? "")?.[0];
  return group === undefined ? undefined : `cgroup ${group}`;
}
