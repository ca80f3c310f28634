import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { BINARY, ServerProcess } from "./server-process.js";

/** Ends what a test started, whether it passed or failed. */
const running: (() => Promise<unknown>)[] = [];

/** For `test.after.each`. */
export async function endRoles(): Promise<void> {
  for (const end of running.splice(0)) await end();
}

/** A server of role `collect`. */
export async function collect(environment: Record<string, string>): Promise<ServerProcess> {
  const server = await ServerProcess.start({ ...environment, ROLE: "collect", WAL_SEGMENT_BYTES: "64KiB" });
  running.push(() => server.kill());
  return server;
}

export interface Projecting {
  readonly child: ChildProcess;
  /** Status and signal. */
  readonly ended: Promise<unknown[]>;
}

/** A process of role `project`, just started; its output can be read. */
export function spawnProjecting(environment: Record<string, string>): Projecting {
  const env = { PATH: process.env["PATH"], ROLE: "project", ...environment };
  const child = spawn(process.execPath, [BINARY, "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  running.push(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, ended };
}
