import { type BootstrapOptions, bootstrap } from "../../../src/projection/mongo/bootstrap.js";
import type { Counters } from "../../../src/projection/mongo/counters.js";
import type { Projector } from "../../../src/projection/mongo/projector.js";
import { directoryOn } from "../../support/log-files.js";
import type { FakeDatabase } from "./fake-database.js";
import { FakeStore, type Network } from "./fake-store.js";
import type { HitLog } from "./hit-log.js";
import type { World } from "./world.js";

export interface Running {
  readonly projector: Projector;
  readonly store: FakeStore;
  readonly counters: Counters;
  readonly remote: Map<string, number>;
  /** Settles with the projection. */
  readonly ended: Promise<void>;
  /** Ends it as kill -9 does: no answer comes back, but what it had sent may still arrive. */
  kill(): void;
}

export interface RunningOptions extends Partial<BootstrapOptions> {
  readonly network?: Network;
  /** It runs in the process of the log's writer, whose durable end is the limit. */
  readonly inside?: boolean;
}

/** Composes a projector from the log's directory without running it: `cycle` can be called by hand. */
export async function prepare(database: FakeDatabase, log: HitLog, options: RunningOptions = {}) {
  const { network, inside = true, ...rest } = options;
  const store = new FakeStore(database, log.id, network);
  const remote = new Map<string, number>();
  const { log: writer } = log;
  const start = await bootstrap({
    directory: directoryOn(log.fs),
    logId: log.id,
    maxOps: 1000,
    durableEnd: inside ? () => writer.end : undefined,
    onRemote: (name, count) => void remote.set(name, count),
    ...rest,
  });
  while (await start.follower.step());
  return { store, remote, counters: start.counters, follower: start.follower, projector: start.projector(store) };
}

/** Starts a projector in a world with its own time. */
export async function start(
  world: World,
  database: FakeDatabase,
  log: HitLog,
  options: RunningOptions = {},
): Promise<Running> {
  let alive = true;
  const { projector, store, counters, remote } = await prepare(database, log, {
    network: world.network(() => alive),
    ...options,
  });
  const ended = projector.run();
  // Tests that need the reason await it.
  ended.catch(() => undefined);
  return {
    projector,
    store,
    counters,
    remote,
    ended,
    kill: () => {
      alive = false;
      projector.stop();
    },
  };
}

/** Steps a world until the condition holds; rejects after so many steps. */
export async function until(world: World, what: string, holds: () => boolean, steps = 5000): Promise<void> {
  for (let step = 0; !holds(); step++) {
    if (step === steps) throw new Error(`not within ${steps} steps: ${what}`);
    await world.step();
  }
}
