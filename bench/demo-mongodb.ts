import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";
import { findServer } from "../test/support/mongodb/find-server.js";
import { MongoServer } from "../test/support/mongodb/server.js";

/** The MongoDB of the story. */
export interface DemoMongo {
  readonly url: string;
  /** A database of the demo's own. */
  readonly database: string;
  /** Undefined for a server that is not the demo's to stop. */
  readonly control: MongoServer | undefined;
  /** Nothing of the demo is left in it. */
  close(): Promise<void>;
}

const DROP_MS = 5000;

/** The server of MONGODB_URL, else one that is found and started here; undefined where there is none. */
export async function openMongo(): Promise<DemoMongo | undefined> {
  const database = `durable_hits_demo_${randomBytes(6).toString("hex")}`;
  const given = process.env["MONGODB_URL"];
  if (given !== undefined && given !== "") {
    console.log(`MongoDB: that of MONGODB_URL, in a database of its own (${database}), which is dropped at the end.`);
    return givenMongo(given, database);
  }
  const found = await findServer();
  if (found === undefined) return undefined;
  if (!found.controllable) return givenMongo(found.url, database);
  const control = await MongoServer.open(found);
  return { url: control.url, database, control, close: () => control.close() };
}

function givenMongo(url: string, database: string): DemoMongo {
  console.log("It is not this demo's to stop or to freeze: only our own process is killed.");
  return {
    url,
    database,
    control: undefined,
    async close() {
      const client = new MongoClient(url, { serverSelectionTimeoutMS: DROP_MS });
      try {
        await client.db(database).dropDatabase();
      } finally {
        await client.close();
      }
    },
  };
}
