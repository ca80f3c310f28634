import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { createClient } from "redis";
import { freePort } from "../test/support/mongodb/free-port.js";
import { inScratch, startProgram } from "./server.js";

const version = spawnSync("redis-server", ["--version"], { encoding: "utf8" }).stdout as string | null;
/** The version of the redis-server on the PATH; undefined if there is none. */
export const redisVersion = /v=(\S+)/.exec(version ?? "")?.[1];
export const hasRedisBenchmark = spawnSync("redis-benchmark", ["--version"]).error === undefined;

export interface Redis {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts Redis with the durability that is compared: every INCR is synced before its answer, those that arrive together in
 * one sync. Without RDB snapshots, which would be wasted work.
 */
export function startRedis(): Promise<Redis> {
  return inScratch(async (directory) => {
    const port = await freePort();
    const settings = { port, bind: "127.0.0.1", dir: directory, save: "", appendonly: "yes", appendfsync: "always" };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    return { port, ...(await startProgram("redis-server", args, /Ready to accept connections/)) };
  });
}

export interface RedisLoad {
  readonly incrementsPerSecond: number;
  readonly p99Milliseconds: number;
  readonly errors: number;
}

/** Sends INCRs with redis-benchmark, pipelined by 16, on its default of 50 connections, to random keys. */
export async function increment(redis: Redis, keys: number, count: number): Promise<RedisLoad> {
  const many = keys > 1 ? ["-r", String(keys)] : [];
  const args = ["-p", String(redis.port), "-t", "incr", "-P", "16", "-n", String(count), ...many, "--csv"];
  const { stdout } = await promisify(execFile)("redis-benchmark", args);
  const [header = [], row = []] = stdout
    .trim()
    .split("\n")
    .map((line) => line.split(",").map((cell) => cell.replaceAll('"', "")));
  const figure = (name: string) => Number(row[header.indexOf(name)]);
  const errors = await errorReplies(redis);
  return { incrementsPerSecond: figure("rps"), p99Milliseconds: figure("p99_latency_ms"), errors };
}

async function errorReplies({ port }: Redis): Promise<number> {
  // An older server refuses the client's information about itself, which would count as an error.
  const client = await createClient({ url: `redis://127.0.0.1:${port}`, disableClientInfo: true }).connect();
  const stats = await client.info("stats");
  await client.close();
  return Number(/total_error_replies:(\d+)/.exec(stats)?.[1] ?? Number.NaN);
}
