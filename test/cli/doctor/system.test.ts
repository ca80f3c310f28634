/** The doctor's judgement of file systems, mounts, containers, space, clocks, locks and runtimes of other machines. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Finding } from "../../../src/cli/doctor/check.js";
import { checkClock } from "../../../src/cli/doctor/clock.js";
import { checkContainer, checkFileSystem, checkMountOptions } from "../../../src/cli/doctor/file-system.js";
import { checkHolder, checkLocking } from "../../../src/cli/doctor/lock.js";
import { checkRuntime } from "../../../src/cli/doctor/runtime.js";
import { checkSpace } from "../../../src/cli/doctor/space.js";
import { HitsError } from "../../../src/errors.js";
import { type Mount, mountOf } from "../../../src/host/mounts.js";
import { type Machine, probesOf } from "./probes.js";

const MOUNT: Mount = { device: "8:1", mountPoint: "/", kind: "ext4", source: "/dev/sda1", options: ["rw", "relatime"] };
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Asserts the level, the finding and the advice. */
function isFinding(finding: Finding | undefined, level: Finding["level"], found: RegExp, advice?: RegExp): void {
  assert.is(finding?.level, level, finding?.found);
  assert.match(finding?.found ?? "", found);
  if (advice === undefined) assert.is(finding?.advice, undefined);
  else assert.match(finding?.advice ?? "", advice);
}

test("kinds of file systems, by their magic numbers", () => {
  const kind = (type: number) => checkFileSystem(probesOf({ volume: { type } }), "/data", undefined);
  for (const [type, name] of [
    [0xef53, "ext4"],
    [0x58465342, "xfs"],
    [0x9123683e, "btrfs"],
    [0x2fc12fc1, "zfs"],
    // As a 32-bit system reports it.
    [0x9123683e - 2 ** 32, "btrfs"],
  ] as const) {
    isFinding(kind(type), "ok", new RegExp(`^${name}$`));
  }
  for (const type of [0x01021994, 0x858458f6]) {
    isFinding(kind(type), "problem", /is memory: a reboot loses everything in it$/, /on a disk/);
  }
  isFinding(kind(0x794c7630), "problem", /^overlay .*lost with the container$/, /volume/);
  for (const type of [0x6969, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997]) {
    isFinding(kind(type), "warning", /locks and syncs are only as reliable as/, /local disk/);
  }
  isFinding(kind(0x1234), "warning", /^unknown \(0x1234\): .*not tested/, /--torture/);
  const gone = { ...probesOf({}), volume: () => undefined };
  isFinding(checkFileSystem(gone, "/data", MOUNT), "problem", /\/data cannot be accessed/, /make sure that/);
});

test("the mount of a directory is the deepest, and the last of two on one point", () => {
  const text = [
    "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard",
    "30 22 0:25 / /data rw - tmpfs tmpfs rw,size=4k",
    "31 22 8:17 /in /data rw,nosuid shared:7 master:2 - xfs /dev/sdb1 rw,noquota",
    "32 22 8:33 / /data/two\\040words ro - ext3 /dev/sdc1 rw,barrier=0",
    "33 22 8:49 / /data2 rw - ext4 /dev/sdd1 rw",
    "",
  ].join("\n");
  assert.equal(mountOf(text, "/data/wal"), {
    device: "8:17",
    mountPoint: "/data",
    kind: "xfs",
    source: "/dev/sdb1",
    options: ["rw", "nosuid", "noquota"],
  });
  assert.is(mountOf(text, "/data")?.kind, "xfs");
  assert.is(mountOf(text, "/database")?.mountPoint, "/");
  assert.is(mountOf(text, "/data/two words/x")?.mountPoint, "/data/two words");
  assert.equal(mountOf(text, "/data/two words/x")?.options, ["ro", "rw", "barrier=0"]);
  assert.is(mountOf("", "/data"), undefined);
});

test("mount options that prevent writing, or make syncs void", () => {
  isFinding(checkMountOptions(MOUNT), "ok", /^rw,relatime$/);
  const withOption = (...options: string[]) => checkMountOptions({ ...MOUNT, options });
  isFinding(withOption("ro", "relatime"), "problem", /read-only/, /dmesg/);
  for (const option of ["nobarrier", "barrier=0", "volatile"]) {
    isFinding(withOption("rw", option), "warning", new RegExp(`with ${option}: .*(sync|flush)`), new RegExp(option));
  }
  for (const option of ["nolock", "local_lock=all"]) {
    isFinding(withOption("rw", option), "warning", /locks hold on this machine only/, new RegExp(option));
  }
  assert.is(checkMountOptions(undefined), undefined);
});

test("a container: its own file system, a volume, and none", () => {
  const inside: Machine = { files: { "/.dockerenv": "" } };
  const volume = { ...MOUNT, mountPoint: "/data" };
  isFinding(checkContainer(probesOf({}), MOUNT), "ok", /no container/);
  isFinding(checkContainer(probesOf(inside), volume), "ok", /mount of its own/);
  isFinding(checkContainer(probesOf(inside), MOUNT), "warning", /\/\.dockerenv.*root file system/, /volume/);
  isFinding(checkContainer(probesOf(inside), undefined), "warning", /mount of WAL_DIR is unknown/, /volume/);
  const podman = { files: { "/run/.containerenv": "" } };
  isFinding(checkContainer(probesOf(podman), MOUNT), "warning", /containerenv/, /volume/);
  const pod = { files: { "/proc/1/cgroup": "0::/kubepods/besteffort/pod1\n" } };
  isFinding(checkContainer(probesOf(pod), MOUNT), "warning", /cgroup kubepods/, /volume/);
});

test("space, against two segments and the growth that retention permits", () => {
  const space = (free: number, retentionBytes = 10 * GIB, usedBytes = 0) =>
    checkSpace(probesOf({ volume: { bavail: free / 4096 } }), "/data", {
      segmentBytes: 64 * MIB,
      retentionBytes,
      usedBytes,
    })[0];
  isFinding(space(128 * MIB - 4096), "problem", /less than two segments.*DISK_FULL/, /WAL_SEGMENT_BYTES/);
  isFinding(space(128 * MIB), "warning", /128.0 MiB free.*grow to 10.0 GiB/, /WAL_RETENTION_BYTES/);
  isFinding(space(10 * GIB + 128 * MIB), "ok", /10.1 GiB free/);
  isFinding(space(128 * MIB, 10 * GIB, 10 * GIB), "ok", /the log uses 10.0 GiB/);
  isFinding(space(200 * GIB, Number.POSITIVE_INFINITY), "note", /forever/);
});

test("inodes", () => {
  const inodes = (volume: Machine["volume"]) =>
    checkSpace(probesOf({ volume: volume ?? {} }), "/data", { segmentBytes: MIB, retentionBytes: 0, usedBytes: 0 })[1];
  isFinding(inodes({ ffree: 19 }), "problem", /19 free: each new file needs one/, /remove/);
  isFinding(inodes({ ffree: 999 }), "warning", /999 free/, /remove/);
  isFinding(inodes({ ffree: 1000 }), "ok", /1000 free/);
  assert.is(inodes({ files: 0, ffree: 0 }), undefined, "btrfs does not limit them");
});

test("a clock that is wrong, changes, was set back, or is not synchronized", async () => {
  const now = Date.UTC(2026, 5, 1);
  const at = (machine: Machine, newest?: number, wallBefore = now) =>
    checkClock(probesOf({ wall: now, monotonic: 3000, ...machine }), { wall: wallBefore, monotonic: 0 }, newest);
  const kept = { programs: { timedatectl: "yes\n" } };
  isFinding(await at(kept, now, now - 3000), "ok", /2026-06-01T00:00:00.000Z; synchronized$/);
  isFinding(
    await at({ files: { "/run/systemd/timesync/synchronized": "" } }, undefined, now - 3000),
    "ok",
    /synchronized$/,
  );
  isFinding(await at({}, now, now - 3000), "note", /does not report/);
  isFinding(await at({ programs: { timedatectl: "no\n" } }, now, now - 3000), "warning", /not synchronized/, /NTP/);
  isFinding(
    await at(kept, now + 2001, now - 3000),
    "warning",
    /newest hits .* 2026-06-01T00:00:02.001Z: it was set back/,
    /NTP/,
  );
  isFinding(await at(kept, now + 2000, now - 3000), "ok", /synchronized/);
  isFinding(await at(kept, now, now - 2000), "warning", /changed by -1.0 s/, /NTP/);
  isFinding(await at(kept, now, now - 3260), "warning", /changed by 0.3 s/, /NTP/);
  for (const year of [1970, 2024, 2101]) {
    const wall = Date.UTC(year, 1, 1);
    isFinding(
      await at({ ...kept, wall }, undefined, wall - 3000),
      "warning",
      new RegExp(`^it is set to ${year}`),
      /NTP/,
    );
  }
});

test("locks: they work, are granted twice, are refused", async () => {
  const release = () => Promise.resolve();
  let held = 0;
  let released = 0;
  const sound = () => {
    if (held++ > 0) return Promise.reject(new HitsError("LOG_LOCKED", "in use"));
    return Promise.resolve({ release: async () => void released++ });
  };
  isFinding(await checkLocking("/scratch", sound), "ok", /excludes a second process/);
  assert.is(released, 1);
  isFinding(
    await checkLocking("/scratch", () => Promise.resolve({ release })),
    "problem",
    /two locks .* at once/,
    /WAL_DIR/,
  );
  const refusing = () => Promise.reject(new HitsError("LOCK_UNSUPPORTED", "ENOLCK: no locks available"));
  isFinding(await checkLocking("/scratch", refusing), "problem", /cannot take a lock: ENOLCK/, /WAL_DIR/);
});

test("the process that has the log open, by the kernel's list and without one", () => {
  const files = { "/wal/lock": "process 77 on host, since 2026-01-01T00:00:00.000Z\n" };
  const holder = (machine: Machine) => checkHolder(probesOf(machine), "/wal");
  isFinding(holder({}), "ok", /^no server has used/);
  const held = "1: OFDLCK ADVISORY  WRITE -1 fe:00:1234 0 EOF\n2: POSIX  ADVISORY  READ  12 fe:00:99 0 EOF\n";
  isFinding(holder({ inode: 1234, files: { ...files, "/proc/locks": held } }), "ok", /^process 77 .* has the log open/);
  isFinding(holder({ inode: 99, files: { ...files, "/proc/locks": held } }), "ok", /^no server has the log open/);
  isFinding(holder({ inode: 1234, files }), "note", /process 77 .*does not report/);
});

test("runtimes", () => {
  const linux = { node: "20.19.0", platform: "linux", arch: "x64", glibc: "2.36" };
  isFinding(checkRuntime(linux), "ok", /Node.js 20.19.0 on linux x64/);
  isFinding(checkRuntime({ ...linux, node: "20.9.5" }), "problem", /20.19 is the oldest/, /20.19/);
  isFinding(checkRuntime({ ...linux, node: "18.20.0" }), "problem", /oldest/, /install/);
  isFinding(checkRuntime({ ...linux, node: "100.0.0" }), "ok", /100/);
  isFinding(checkRuntime({ ...linux, glibc: undefined }), "warning", /without glibc/, /slim/);
  for (const platform of ["darwin", "win32"]) isFinding(checkRuntime({ ...linux, platform }), "note", /should work/);
  isFinding(checkRuntime({ ...linux, platform: "sunos" }), "warning", /never tested/, /Linux/);
});

test.run();
