import { parentPort, workerData } from "node:worker_threads";
import { describeError, HitsError } from "../../errors.js";
import type { FromProjector, ProjectorSetup, ToProjector } from "./messages.js";
import { runProjector } from "./run-projector.js";

/** The thread of the MongoDB projection: it tails the segment files, so that projecting takes nothing from requests. */
async function work(setup: ProjectorSetup): Promise<void> {
  const end = new BigInt64Array(setup.sharedEnd);
  const projection = await runProjector({
    ...setup,
    durableEnd: () => Number(Atomics.load(end, 0)),
    onReport: tell,
    onReady: () => tell({ type: "ready" }),
  });
  parentPort?.on("message", ({ withinMs }: ToProjector) => {
    projection.stop(withinMs).then(() => tell({ type: "stopped" }), fail);
  });
  await projection.ended;
}

function tell(message: FromProjector): void {
  parentPort?.postMessage(message);
}

function fail(error: unknown): void {
  const code = error instanceof HitsError ? error.code : undefined;
  tell({ type: "failed", code, message: describeError(error) });
}

work(workerData as ProjectorSetup).catch(fail);
