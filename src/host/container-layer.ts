import { readFileSync, realpathSync } from "node:fs";
import type { Logger } from "../model/services.js";
import { mountOf } from "./mounts.js";

/** What containers keep their own files on: gone with the container. */
const LAYERS = new Set(["overlay", "aufs"]);

/** Warns where the log directory lies on a container's own layer. `mountinfo` is the text of /proc/self/mountinfo. */
export function warnOfContainerLayer(
  directory: string,
  logger: Pick<Logger, "warn">,
  mountinfo = readMountinfo(),
): void {
  const mount = mountinfo === undefined ? undefined : mountOf(mountinfo, real(directory));
  if (mount === undefined || !LAYERS.has(mount.kind)) return;
  logger.warn(
    { directory, fileSystem: mount.kind, mountPoint: mount.mountPoint },
    `the log is on a container's own layer (${mount.kind}): all hits vanish with the container. Put WAL_DIR on a volume, ` +
      "like docker run -v hits:/data -e WAL_DIR=/data/wal …",
  );
}

/** Where a directory lies that is reached by a link. */
function real(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}

/** Undefined where the system has no such file. */
function readMountinfo(): string | undefined {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return undefined;
  }
}
