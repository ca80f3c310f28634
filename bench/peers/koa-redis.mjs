// A common way to build a counter: each request waits for Redis' INCR. Redis' settings decide whether it is durable.
import { createClient } from "redis";
import { serve } from "./router.mjs";

const client = await createClient({ url: process.env.REDIS_URL }).connect();
serve((counter) => client.incr(counter));
