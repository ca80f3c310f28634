// A counter as many build it: each request waits for Redis' INCR. Whether that is durable is a matter of the server.
import { createClient } from "redis";
import { serve } from "./router.mjs";

const client = await createClient({ url: process.env.REDIS_URL }).connect();
serve((counter) => client.incr(counter));
