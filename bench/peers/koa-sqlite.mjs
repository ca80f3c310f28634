// A common way to build a counter: one durable SQLite transaction per request, on the serving thread, as node:sqlite works.
import { DatabaseSync } from "node:sqlite";
import { serve } from "./router.mjs";

const database = new DatabaseSync(process.env.SQLITE_FILE);
database.exec("PRAGMA journal_mode = WAL");
database.exec("PRAGMA synchronous = FULL");
database.exec("CREATE TABLE counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID");
const increment = database.prepare(
  "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count",
);
serve((counter) => increment.get(counter).count);
