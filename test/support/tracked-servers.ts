import { test } from "uvu";
import { ServerProcess } from "./server-process.js";

/** Starts server processes that are gone after each test of uvu's `test`, however it ended. */
export function trackedServers(): (environment: Record<string, string>) => Promise<ServerProcess> {
  const servers: ServerProcess[] = [];
  // One that a failed test left would keep this process from its end.
  test.after.each(async () => {
    for (const server of servers.splice(0)) await server.kill();
  });
  return async (environment) => {
    const server = await ServerProcess.start(environment);
    servers.push(server);
    return server;
  };
}
