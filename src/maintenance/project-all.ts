import { setTimeout as sleep } from "node:timers/promises";
import { plural } from "../model/text.js";
import type { ProjectorStatus } from "../projection/mongo/messages.js";

/** The longest wait for a database that does not answer. */
const PATIENCE_MS = 30_000;
const FLUSH_MS = 10_000;
const POLL_MS = 50;

export interface ProjectAllOptions {
  readonly directory: string;
  readonly logId: string;
  readonly url: string;
  readonly database: string | undefined;
  readonly maxOps: number;
}

/** Projects until nothing is pending and every document was read once. Resolves to why that was not reached, if it was not. */
export async function projectAll(options: ProjectAllOptions): Promise<string | undefined> {
  // Loaded only by commands that need it.
  const { runProjector } = await import("../projection/mongo/run-projector.js");
  let status: ProjectorStatus | undefined;
  const projection = await runProjector({
    ...options,
    durableEnd: undefined,
    remote: new Map(),
    onReport: (report) => {
      status = report.status;
    },
    onReady: () => undefined,
  });
  const failed = projection.ended.then(
    () => undefined,
    (error: unknown) => error,
  );
  let answered = performance.now();
  while (performance.now() < answered + PATIENCE_MS) {
    if ((await Promise.race([failed, sleep(POLL_MS, "polled")])) !== "polled") break;
    if (status?.state === "running") answered = performance.now();
    if (status?.state === "halted") break;
    if (status !== undefined && status.scrub.passes > 0 && status.series.passes > 0) break;
  }
  await projection.stop(FLUSH_MS);
  const { lastError = null, blocked } = status ?? {};
  if (lastError !== null) return lastError;
  return blocked === undefined || blocked.size === 0 ? undefined : `${plural(blocked.size, "counter")} blocked`;
}
