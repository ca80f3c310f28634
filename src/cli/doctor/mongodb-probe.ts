import { setTimeout as sleep } from "node:timers/promises";
import { type Document, MongoClient } from "mongodb";
import type { MongoSettings } from "../../config.js";
import { describeError } from "../../errors.js";
import { withoutSecrets } from "../../projection/mongo/mongo-errors.js";
import { clientOptions, databaseName } from "../../projection/mongo/mongo-store.js";
import type { MongoAnswers, MongoFacts } from "./mongodb.js";

/** The time after which a server that does not answer is given up. */
const PROBE_MS = 5000;
const SELECTION_MS = 3500;
/** The longest that closing waits for a server that hangs. */
const CLOSE_MS = 500;

/** Queries a MongoDB, with the settings of the projection; writes nothing. Never rejects, and ends within 6 s. */
export async function probeMongo(settings: MongoSettings): Promise<MongoFacts> {
  let client: MongoClient | undefined;
  try {
    client = new MongoClient(settings.url, { ...clientOptions(), serverSelectionTimeoutMS: SELECTION_MS });
    const late = sleep(PROBE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`no answer within ${PROBE_MS / 1000} s`);
    });
    return await Promise.race([query(client, settings), late]);
  } catch (error) {
    return { failure: withoutSecrets(describeError(error)) };
  } finally {
    const closing = client?.close().catch(() => undefined);
    await Promise.race([closing, sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

async function query(client: MongoClient, { url, database = databaseName(url) }: MongoSettings): Promise<MongoFacts> {
  const admin = client.db("admin");
  await client.connect();
  const before = Date.now();
  const hello = await admin.command({ hello: 1 });
  const after = Date.now();
  const [defaults, status, read] = [
    await settled(admin.command({ getDefaultRWConcern: 1 })),
    await settled(admin.command({ connectionStatus: 1, showPrivileges: true })),
    await settled(
      client
        .db(database)
        .collection("counters")
        .findOne({ _id: { $type: "string" } }),
    ),
  ];
  const localTime: unknown = hello["localTime"];
  return {
    hello,
    database,
    // Compared with the middle of the round trip.
    aheadMs: localTime instanceof Date ? localTime.getTime() - (before + after) / 2 : undefined,
    roundTripMs: after - before,
    defaultWriteConcern: defaults.answer?.["defaultWriteConcern"] as Document | undefined,
    urlWriteConcern: /[?&]((?:w|j|journal|wtimeoutms)=[^&]*)/i.exec(url)?.[1],
    authInfo: status.answer?.["authInfo"] as MongoAnswers["authInfo"],
    readFailure: read.failure,
  };
}

async function settled<T>(call: Promise<T>): Promise<{ answer?: T; failure?: string }> {
  try {
    return { answer: await call };
  } catch (error) {
    return { failure: withoutSecrets(describeError(error)) };
  }
}
