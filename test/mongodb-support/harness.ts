import { setTimeout as sleep } from "node:timers/promises";
import { type Collection, Long, MongoClient, type MongoClientOptions } from "mongodb";

export interface Counter {
  _id: string;
  count?: Long;
}

/** A driver that gives up after 1.5 s and leaves repeating to its user. (It ignores `timeoutMS` since 7.9 at the latest.) */
export const IMPATIENT: MongoClientOptions = {
  socketTimeoutMS: 1500,
  waitQueueTimeoutMS: 1500,
  serverSelectionTimeoutMS: 1500,
  connectTimeoutMS: 1000,
  retryWrites: false,
  retryReads: false,
  writeConcern: { w: "majority", journal: true },
};

/** The name of the error that a command without a reply fails with. */
export const TIMED_OUT = "MongoNetworkTimeoutError";

/** Lends the collection of counters, by a driver that is closed afterwards. */
export async function withCounters<T>(
  url: string,
  database: string,
  use: (counters: Collection<Counter>, client: MongoClient) => Promise<T>,
  options: MongoClientOptions = IMPATIENT,
): Promise<T> {
  const client = new MongoClient(url, options);
  try {
    return await use(client.db(database).collection<Counter>("counters"), client);
  } finally {
    await client.close();
  }
}

export async function increment(counters: Collection<Counter>, id: string): Promise<void> {
  await counters.updateOne({ _id: id }, { $inc: { count: Long.ONE } }, { upsert: true });
}

export async function countOf(counters: Collection<Counter>, id: string): Promise<number | undefined> {
  const document = await counters.findOne({ _id: id });
  return document?.count === undefined ? undefined : Number(document.count);
}

/** The name of the error that it fails with; "nothing" where it succeeds. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "nothing",
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}

/** Resolves once it holds; rejects after that many seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(10);
  }
}
