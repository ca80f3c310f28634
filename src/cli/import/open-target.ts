import { type Config, readConfig } from "../../config.js";
import { HitsError } from "../../errors.js";
import { logIdOf } from "../../maintenance/log-directory.js";
import { LogDirectory } from "../../wal/log-directory.js";
import { DirectTarget } from "./direct-target.js";
import { HttpTarget } from "./http-target.js";
import type { Target } from "./target.js";

export interface TargetOptions {
  readonly config: Config;
  /** A server to use instead of the log directory. */
  readonly url: URL | undefined;
  readonly patienceMs: number;
  readonly warn: (message: string) => void;
}

/**
 * Opens the target of hits: the server at `url`; else the log directory; else, if another process writes that, the server at
 * HOST and PORT, provided that it has the same log. Throws if all of these fail.
 */
export async function openTarget(options: TargetOptions, signal: AbortSignal): Promise<Target> {
  const { config, url, patienceMs, warn } = options;
  const http = { token: config.adminToken, patienceMs, warn };
  if (url !== undefined) return await HttpTarget.open({ ...http, url }, signal);
  try {
    return await DirectTarget.open(config, warn);
  } catch (error) {
    if (!(error instanceof HitsError && error.code === "LOG_LOCKED")) throw error;
    const server = localServer(config, error.message);
    const target = await HttpTarget.open({ ...http, url: server }, signal);
    const own = await logIdOf(new LogDirectory(config.walDir));
    if (own === undefined || target.logId === undefined || own === target.logId) return target;
    throw new HitsError(
      "SERVER_UNAVAILABLE",
      `${config.walDir} is in use, and the server at ${target.name} has another log (${target.logId}, not ${own}): name the ` +
        "right one with --url",
    );
  }
}

/** Reads the server's settings, with the log directory `dir` if there is one. Throws `INVALID_SETTING`. */
export function configFor(environment: NodeJS.ProcessEnv, dir: string | undefined): Config {
  return readConfig({ ...environment, ...(dir === undefined ? {} : { WAL_DIR: dir }) });
}

/** Returns the URL of a server with these settings on this machine. */
function localServer({ host, port }: Config, locked: string): URL {
  if (port === 0)
    throw new HitsError("LOG_LOCKED", `${locked}. If a server has it open, name that with --url: PORT is 0`);
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return new URL(`http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`);
}
