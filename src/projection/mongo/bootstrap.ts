import { HitsError } from "../../errors.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { LogReader } from "../../wal/log-reader.js";
import { type MissingRanges, readMissingRanges } from "../../wal/missing-ranges.js";
import { type Registration, readRegistrations, writeRegistration } from "../../wal/registrations.js";
import { Series, type SeriesLimits } from "../series/series.js";
import { isComplete, readSnapshots } from "../snapshot/snapshot.js";
import type { Totals } from "../totals.js";
import type { RecordedCheckpoint } from "./checkpoint-recorder.js";
import { CounterDays } from "./counter-days.js";
import { Counters } from "./counters.js";
import { Epochs } from "./epochs.js";
import { LogFollower } from "./log-follower.js";
import { Projector, type ProjectorOptions } from "./projector.js";
import type { Checkpoint, CounterStore } from "./store.js";

export const PROJECTION_NAME = "mongodb";

/** Time between polls of the log's end: inside the writer's process these cost nothing. */
const POLL_MS = 20;
const POLL_OTHER_PROCESS_MS = 100;

export interface BootstrapOptions extends Pick<ProjectorOptions, "logId" | "maxOps" | "onRemote" | "scrubEveryMs"> {
  readonly directory: LogDirectory;
  /** The writer's durable end, inside its process. */
  readonly durableEnd: (() => number) | undefined;
  readonly series?: SeriesLimits;
}

/** A projection as the log directory gives it, before anything of the database has been read. */
export interface Bootstrapped {
  readonly counters: Counters;
  readonly follower: LogFollower;
  projector(store: CounterStore): Projector;
}

/**
 * Composes a projector from the log directory: the newest snapshot without damage, the registration, and a reader from the
 * older of the two. Registers the projection if it is new. Throws `PROJECTION_HALTED` if there is nothing to start from.
 */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrapped> {
  const { directory } = options;
  const registration = (await readRegistrations(directory)).find(({ name }) => name === PROJECTION_NAME);
  const registered = registration?.damaged === undefined ? registration : undefined;
  const missing = await readMissingRanges(directory);
  const snapshot = await newestUndamaged(directory, missing);
  const epochs = new Epochs(directory, registered?.epochs ?? [], missing);
  await epochs.refresh();
  const start = snapshot?.offset ?? 0;
  const position = epochs.epochAt(start) ?? { epoch: registered?.epoch ?? 0, nonce: registered?.nonce ?? "" };
  const covered = registered?.offset ?? 0;
  const from = await readableFrom(options, registered === undefined ? start : Math.min(start, covered), start);
  const counters = new Counters();
  // Counters have the indexes that they have in the snapshot's series: they are restored in its order.
  const days = new CounterDays(snapshot?.totals.series ?? new Series(), counters);
  if (options.series !== undefined) days.series.setLimits(options.series);
  // If the hits between checkpoint and snapshot are gone it is unknown which of the snapshot's counters owe something.
  const isCovered = registered !== undefined && from <= covered;
  for (const [name, index] of snapshot?.totals.names() ?? []) {
    counters.restore(counters.indexOf(name), snapshot?.totals.countAt(index) ?? 0, isCovered);
  }
  const reader = new LogReader({ directory, from, durableEnd: options.durableEnd });
  const follower = new LogFollower({
    reader,
    counters,
    days,
    start: { offset: start, ...position },
    covered: isCovered ? covered : 0,
  });
  if (!isCovered && snapshot !== undefined) days.documents.invalidate();
  for (const name of registered?.blocked ?? []) counters.documents.forget(counters.indexOf(name));

  const writeCheckpoint = async ({ checkpoint, hits, blocked }: RecordedCheckpoint) => {
    epochs.add(checkpoint);
    await writeRegistration(directory, {
      name: PROJECTION_NAME,
      ...checkpoint,
      updatedAt: new Date().toISOString(),
      hits,
      blocked,
      epochs: epochs.list(),
    });
  };
  if (registration === undefined) {
    await writeCheckpoint({ checkpoint: { offset: 0, ...position }, hits: 0, blocked: [] });
  }
  const { logId, maxOps, onRemote, durableEnd, scrubEveryMs } = options;
  const pollMs = durableEnd === undefined ? POLL_OTHER_PROCESS_MS : POLL_MS;
  return {
    counters,
    follower,
    projector: (store) =>
      new Projector({
        logId,
        store,
        counters,
        days,
        follower,
        epochs,
        registered: registered === undefined ? undefined : { ...checkpointOf(registered), hits: registered.hits ?? 0 },
        blocked: registered?.blocked ?? [],
        maxOps,
        writeCheckpoint,
        onRemote,
        pollMs,
        ...(scrubEveryMs === undefined ? {} : { scrubEveryMs }),
      }),
  };
}

function checkpointOf({ offset, epoch, nonce }: Registration): Checkpoint {
  return { offset, epoch, nonce };
}

interface UndamagedSnapshot {
  readonly offset: number;
  readonly totals: Totals;
}

/** Resolves to the newest snapshot to start from: those taken past damage have hits that must not be projected yet. */
async function newestUndamaged(
  directory: LogDirectory,
  missing: MissingRanges,
): Promise<UndamagedSnapshot | undefined> {
  for await (const { facts, totals } of readSnapshots(directory)) {
    if (facts !== undefined && totals !== undefined && isComplete(facts, missing, true)) {
      return { offset: facts.offset, totals };
    }
  }
  return undefined;
}

/** Resolves to the first of these offsets from which the log can still be read. */
async function readableFrom(options: BootstrapOptions, wanted: number, start: number): Promise<number> {
  const { directory, durableEnd } = options;
  for (const from of wanted === start ? [start] : [wanted, start]) {
    const reader = new LogReader({ directory, from, durableEnd });
    try {
      await reader.next();
      return from;
    } catch (error) {
      if (!(error instanceof HitsError && error.code === "OFFSET_GONE")) throw error;
    } finally {
      await reader.close();
    }
  }
  const first = (await directory.segmentBases())[0];
  throw new HitsError(
    "PROJECTION_HALTED",
    `nothing to project from: there is no sound snapshot, and the log in ${directory.path} begins at offset ${first}. Restore a ` +
      "snapshot or the missing segments from a backup, or fork the log into a new directory",
  );
}
