import { type Config, readConfig } from "../../config.js";
import { HitsError } from "../../errors.js";
import { logIdOf } from "../../maintenance/log-directory.js";
import { nodeFileSystem } from "../../wal/node-file-system.js";
import { DirectTarget } from "./direct-target.js";
import { HttpTarget } from "./http-target.js";
import type { Target } from "./target.js";

export interface TargetOptions {
  readonly config: Config;
  /** A server, where it is not to be the log directory. */
  readonly url: URL | undefined;
  readonly patienceMs: number;
  readonly warn: (message: string) => void;
}

/**
 * Where hits go: to the server at `url`; else into the log directory; else, where another process writes that, to the
 * server at HOST and PORT, if that has the same log. Throws whatever keeps it from all of these.
 */
export async function openTarget(options: TargetOptions, signal: AbortSignal): Promise<Target> {
  const { config, url, patienceMs, warn } = options;
  const http = { token: config.adminToken, patienceMs, warn };
  if (url !== undefined) return await HttpTarget.open({ ...http, url }, signal);
  try {
    return await DirectTarget.open(config, warn);
  } catch (error) {
    if (!(error instanceof HitsError && error.code === "LOG_LOCKED")) throw error;
    const server = serverOf(config, error.message);
    const target = await HttpTarget.open({ ...http, url: server }, signal);
    const own = await logIdOf(nodeFileSystem, config.walDir);
    if (own === undefined || target.logId === undefined || own === target.logId) return target;
    throw new HitsError(
      "SERVER_UNAVAILABLE",
      `${config.walDir} is in use, and the server at ${target.name} has another log (${target.logId}, not ${own}): name the ` +
        "right one with --url",
    );
  }
}

/** The server's settings, with another log directory where one is named. Throws `INVALID_SETTING`. */
export function settingsOf(environment: NodeJS.ProcessEnv, dir: string | undefined): Config {
  return readConfig({ ...environment, ...(dir === undefined ? {} : { WAL_DIR: dir }) });
}

/** Where a server with these settings can be reached on this machine. */
function serverOf({ host, port }: Config, locked: string): URL {
  if (port === 0) throw new HitsError("LOG_LOCKED", `${locked}. If that is a server, name it with --url: PORT is 0`);
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return new URL(`http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`);
}
