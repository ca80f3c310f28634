import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";
import { findServer } from "../test/support/mongodb/find-server.js";
import { MongoServer } from "../test/support/mongodb/server.js";

/** The MongoDB of the demo. */
export interface DemoMongo {
  readonly url: string;
  /** A database of the demo's own. */
  readonly database: string;
  /** Undefined for a server that the demo may not stop. */
  readonly control: MongoServer | undefined;
  /** Removes everything of the demo from it. */
  close(): Promise<void>;
}

const DROP_MS = 5000;

/** Opens the server of MONGODB_URL, or else finds and starts one; undefined if there is none. */
export async function openMongo(): Promise<DemoMongo | undefined> {
  const database = `durable_hits_demo_${randomBytes(6).toString("hex")}`;
  const given = process.env["MONGODB_URL"];
  if (given !== undefined && given !== "") {
    console.log(`MongoDB: the server of MONGODB_URL, in the database ${database}, which is dropped at the end.`);
    return givenMongo(given, database);
  }
  const found = await findServer();
  if (found === undefined) return undefined;
  if (!found.controllable) return givenMongo(found.url, database);
  const control = await MongoServer.open(found);
  return { url: control.url, database, control, close: () => control.close() };
}

function givenMongo(url: string, database: string): DemoMongo {
  console.log("The demo may not stop or freeze it: only our own process is killed.");
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
