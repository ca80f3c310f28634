import { readFileSync, realpathSync } from "node:fs";
import type { Logger } from "../model/services.js";
import { mountOf } from "./mounts.js";

/** File systems of containers' own layers, which are deleted with the container. */
const LAYERS = new Set(["overlay", "aufs"]);

/** Warns if the log directory is on a container's own layer. `mountinfo` is the text of /proc/self/mountinfo. */
export function warnOfContainerLayer(
  directory: string,
  logger: Pick<Logger, "warn">,
  mountinfo = readMountinfo(),
): void {
  const mount = mountinfo === undefined ? undefined : mountOf(mountinfo, resolveLinks(directory));
  if (mount === undefined || !LAYERS.has(mount.kind)) return;
  logger.warn(
    { directory, fileSystem: mount.kind, mountPoint: mount.mountPoint },
    `the log is on a container's own layer (${mount.kind}): all hits are lost with the container. Put WAL_DIR on a volume, ` +
      "as in docker run -v hits:/data -e WAL_DIR=/data/wal …",
  );
}

/** Resolves symbolic links; returns the path as it is if that fails. */
function resolveLinks(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}

/** Undefined if the system has no such file. */
function readMountinfo(): string | undefined {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return undefined;
  }
}
