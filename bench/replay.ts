import { MongoClient } from "mongodb";
import { counterNames } from "./counter-names.js";

const ALONE = 1000;
const BULKS = 10;
const PER_BULK = 1000;

/** Seconds that a million hits take with one update per hit. */
export interface Replay {
  /** One `$inc` after the other. */
  readonly sequential: number;
  /** A thousand per unordered bulk write. */
  readonly bulk: number;
}

/** Replays a few thousand hits with one update per hit, and extrapolates: the work grows with the hits. */
export async function replay(url: string, counters: number): Promise<Replay> {
  const client = new MongoClient(url);
  try {
    const collection = client.db().collection<{ _id: string; count: number }>("replayed");
    const names = counterNames(counters);
    const filter = (hit: number) => ({ _id: names[(hit * 7919) % counters] ?? "" });
    const bulk = (from: number) =>
      collection.bulkWrite(
        Array.from({ length: PER_BULK }, (_, i) => ({
          updateOne: { filter: filter(from + i), update: { $inc: { count: 1 } }, upsert: true },
        })),
        { ordered: false },
      );
    await bulk(0);
    const bulkMs = await timed(async () => {
      for (let at = 0; at < BULKS; at++) await bulk(at * PER_BULK);
    });
    const aloneMs = await timed(async () => {
      for (let hit = 0; hit < ALONE; hit++) {
        await collection.updateOne(filter(hit), { $inc: { count: 1 } }, { upsert: true });
      }
    });
    return { sequential: (aloneMs / ALONE) * 1000, bulk: (bulkMs / (BULKS * PER_BULK)) * 1000 };
  } finally {
    await client.close();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
