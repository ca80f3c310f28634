// A common way to build a counter: each request waits for MongoDB's `$inc`, durable on a majority.
import { MongoClient } from "mongodb";
import { serve } from "./router.mjs";

const client = new MongoClient(process.env.MONGODB_URL, { writeConcern: { w: "majority", journal: true } });
await client.connect();
const counters = client.db(process.env.MONGODB_DB).collection("inc");
serve(async (counter) => {
  const increment = { $inc: { count: 1 } };
  const document = await counters.findOneAndUpdate({ _id: counter }, increment, {
    upsert: true,
    returnDocument: "after",
  });
  return document.count;
});
