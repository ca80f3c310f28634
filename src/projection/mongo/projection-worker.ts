import { parentPort, workerData } from "node:worker_threads";
import { describeError, HitsError } from "../../errors.js";
import type { FromProjector, ProjectorSetup, ToProjector } from "./messages.js";
import { runProjector } from "./run-projector.js";

/** Runs the MongoDB projection in this thread: it tails the segment files, so that projecting takes nothing from requests. */
async function work(setup: ProjectorSetup): Promise<void> {
  const end = new BigInt64Array(setup.sharedEnd);
  const projection = await runProjector({
    ...setup,
    durableEnd: () => Number(Atomics.load(end, 0)),
    onReport: post,
    onReady: () => post({ type: "ready" }),
  });
  parentPort?.on("message", ({ withinMs }: ToProjector) => {
    projection.stop(withinMs).then(() => post({ type: "stopped" }), fail);
  });
  await projection.ended;
}

function post(message: FromProjector): void {
  parentPort?.postMessage(message);
}

function fail(error: unknown): void {
  const code = error instanceof HitsError ? error.code : undefined;
  post({ type: "failed", code, message: describeError(error) });
}

work(workerData as ProjectorSetup).catch(fail);
