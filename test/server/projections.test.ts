import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readConfig } from "../../src/config.js";
import type { ProjectionStatus } from "../../src/model/status.js";
import { type ExternalProjections, startExternalProjections } from "../../src/server/projections.js";
import { LogDirectory } from "../../src/wal/log-directory.js";
import { writeRegistration } from "../../src/wal/registrations.js";
import { LocalLog } from "../support/local-log.js";
import { temporaryDirectory } from "../support/server-process.js";

test("a projection of another process that was idle for an hour does not lag at the next hit", async () => {
  const directory = `${temporaryDirectory()}/wal`;
  const run = await LocalLog.open(directory);
  await run.hit("home", 3);
  const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const { epoch, nonce } = run.log;
  await writeRegistration(new LogDirectory(directory), {
    name: "mongodb",
    offset: 3,
    epoch,
    nonce,
    updatedAt: hourAgo,
    hits: 3,
  });
  await run.hit("home", 2);
  const external = await startExternalProjections({
    config: readConfig({ WAL_DIR: directory }),
    log: run.log,
    local: run.local,
    logger: pino({ level: "silent" }),
  });
  try {
    while (external.statuses().length === 0) await sleep(10);
    const [status] = external.statuses();
    assert.equal(
      { name: status?.name, checkpoint: status?.checkpoint, lag: status?.lag, lastError: status?.lastError },
      { name: "mongodb", checkpoint: 3, lag: 2, lastError: null },
    );
    assert.is(status?.state, "running");
    assert.is(status?.errors, undefined, "only that process counts its errors");
  } finally {
    await external.stop(0);
    await run.close();
  }
});

test("a projection whose thread ends is halted, and that is one error", async () => {
  const directory = `${temporaryDirectory()}/wal`;
  const run = await LocalLog.open(directory);
  await run.hit("home", 3);
  const config = readConfig({ WAL_DIR: directory, MONGODB_URL: "mongodb://127.0.0.1:1" });
  // The thread fails: from source, Node.js 20 finds no script for it, and later versions find no server in this.
  const mongodb = { url: "no URL", database: undefined, maxOps: 1 };
  const external = await startExternalProjections({
    config: { ...config, mongodb },
    log: run.log,
    local: run.local,
    logger: pino({ level: "silent" }),
  });
  try {
    const [status] = await settled(external);
    assert.equal([status?.name, status?.state, status?.errors], ["mongodb", "halted", 1]);
  } finally {
    await external.stop(0);
    await run.close();
  }
});

/** Resolves to the statuses once no projection is retrying: a thread takes its time to end where the machine is busy. */
async function settled(external: ExternalProjections): Promise<readonly ProjectionStatus[]> {
  for (const end = performance.now() + 20_000; performance.now() < end; await sleep(10)) {
    if (external.statuses().every(({ state }) => state !== "retrying")) break;
  }
  return external.statuses();
}

test.run();
