import { post } from "./load.js";
import type { Options } from "./options.js";
import { hasRedisBenchmark, increment, redisVersion, startRedis } from "./redis.js";
import { leaveOut, record } from "./results.js";
import { startOurs } from "./server.js";
import { shuffled } from "./shuffled.js";
import { formatSpread, grouped, median, printTable, ratio, type Spread, spreadOf } from "./table.js";

const HITS = 1000;
const CONNECTIONS = 16;
const COUNTERS = [1, 100, 1000];
const OURS = "durable-hits, 1,000 hits per request";
const REDIS = "Redis INCR, pipelined by 16";
/** Number of INCR that warm up Redis. */
const REDIS_WARM_UP = 200_000;

interface Measured {
  readonly hitsPerSecond: number;
  readonly p99Milliseconds: number;
  readonly errors: number;
}

/** A row of the results. */
export interface BulkRow {
  readonly contestant: string;
  readonly counters: number;
  readonly hitsPerSecond: Spread;
  /** Ratio within a round, on as many counters; null without Redis. */
  readonly toRedis: Spread | null;
  /** Of a request of a thousand hits, or of a pipeline of 16. */
  readonly p99Milliseconds: number;
  readonly errors: number;
}

/** Measures durable hits per second, a thousand per request, validated and counted one by one, against Redis. */
export async function benchBulk(options: Options): Promise<void> {
  const contestants = new Map([[OURS, measureOurs]]);
  if (redisVersion !== undefined && hasRedisBenchmark) contestants.set(REDIS, measureRedis);
  else leaveOut("bulk", REDIS, "redis-server or redis-benchmark is not on the PATH");
  const { rounds, seconds } = options;
  record("bulk", [], {
    redis: redisVersion ?? "none",
    rounds,
    seconds,
    hitsPerRequest: HITS,
    connections: CONNECTIONS,
  });
  const rows: BulkRow[] = [];
  for (const counters of COUNTERS) {
    const measured = new Map<string, Measured[]>([...contestants.keys()].map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, measure] of shuffled([...contestants])) {
        measured.get(name)?.push(await measure(counters, options));
      }
    }
    const redis = measured.get(REDIS);
    for (const [contestant, own] of measured) {
      const rates = own.map((one) => one.hitsPerSecond);
      rows.push({
        contestant,
        counters,
        hitsPerSecond: spreadOf(rates),
        toRedis:
          redis === undefined
            ? null
            : spreadOf(rates.map((rate, round) => rate / (redis[round]?.hitsPerSecond ?? Number.NaN))),
        p99Milliseconds: median(own.map((one) => one.p99Milliseconds)),
        errors: own.reduce((sum, one) => sum + one.errors, 0),
      });
    }
  }
  record("bulk", rows);
  printTable(
    ["contestant", "counters", "durable hits/s", "to Redis", "p99 ms", "errors"],
    rows.map((row) => [
      row.contestant,
      grouped(row.counters),
      formatSpread(row.hitsPerSecond, grouped),
      row.toRedis === null ? "" : formatSpread(row.toRedis, ratio),
      row.p99Milliseconds.toFixed(1),
      String(row.errors),
    ]),
  );
}

async function measureOurs(counters: number, { seconds, warmUpSeconds }: Options): Promise<Measured> {
  const lines = Array.from({ length: HITS }, (_, i) => JSON.stringify({ counter: `/blog/a-post/${i % counters}` }));
  const body = { type: "application/x-ndjson", text: lines.join("\n") };
  const server = await startOurs();
  try {
    const target = { url: `${server.url}/hits`, connections: CONNECTIONS, body };
    await post({ ...target, seconds: warmUpSeconds });
    const load = await post({ ...target, seconds });
    return { ...load, hitsPerSecond: load.requestsPerSecond * HITS };
  } finally {
    await server.stop();
  }
}

/** redis-benchmark takes a number of requests, not a time: the number follows from the rate of the warm-up. */
async function measureRedis(counters: number, { seconds }: Options): Promise<Measured> {
  const redis = await startRedis();
  try {
    const warm = await increment(redis, counters, REDIS_WARM_UP);
    const load = await increment(redis, counters, Math.ceil(warm.incrementsPerSecond * seconds));
    return { ...load, hitsPerSecond: load.incrementsPerSecond };
  } finally {
    await redis.stop();
  }
}
