import { readFileSync } from "node:fs";
import path from "node:path";
import { describeError, HitsError } from "./errors.js";
import { splitGlobs } from "./hit/name-globs.js";
import type { AccessPolicy } from "./model/access.js";

/** Everything that the environment sets, read and checked once. */
export interface Config extends AccessPolicy {
  readonly host: string;
  readonly port: number;
  readonly walDir: string;
  readonly walSegmentBytes: number;
  readonly retention: { readonly ms: number; readonly bytes: number };
  readonly maxQueuedBytes: number;
  readonly maxCounters: number;
  /** How long hours are kept, and how many points of counters' series there may be. */
  readonly series: { readonly hoursKeptMs: number; readonly maxPoints: number };
  /** How long, and how many, keys of hits are remembered. */
  readonly idempotencyWindowMs: number;
  readonly maxIdempotencyKeys: number;
  /** Globs of the names that may be counted. */
  readonly countersAllow: readonly string[];
  readonly logLevel: LogLevel;
  /** `all`: HTTP, log and projection. `collect`: HTTP and log. `project`: follow a log that another process writes. */
  readonly role: Role;
  /** Undefined: the local projection only. */
  readonly mongodb: MongoSettings | undefined;
}

export interface MongoSettings {
  /** Holds secrets: never logged. */
  readonly url: string;
  /** Undefined: the database in the URL's path, else `hits`. */
  readonly database: string | undefined;
  /** Updates in one command at most. */
  readonly maxOps: number;
}

export type Role = (typeof ROLES)[number];
const ROLES = ["all", "collect", "project"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** A setting that can't be used, as one line: variable, value, and what is allowed. */
function refused(name: string, value: string, allowed: string): HitsError {
  return new HitsError("INVALID_SETTING", `${name}=${value}: ${allowed}`);
}

const KIB = 1024;
const SIZES: Record<string, number> = {
  "": 1,
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KIB: KIB,
  MIB: KIB ** 2,
  GIB: KIB ** 3,
  TIB: KIB ** 4,
};
const DURATIONS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings. An empty value is an unset one. Throws `INVALID_SETTING` for the first that can't be used. */
export function readConfig(environment: Environment): Config {
  const role = choice(environment, "ROLE", ROLES, "all");
  const mongodb = mongoSettings(environment);
  if (role === "project" && mongodb === undefined) {
    throw refused("ROLE", role, "MONGODB_URL must be set with it; all and collect are allowed without");
  }
  return Object.freeze({
    role,
    // A collector leaves projecting to another process.
    mongodb: role === "collect" ? undefined : mongodb,
    host: present(environment, "HOST") ?? "127.0.0.1",
    port: integer(environment, "PORT", 3000, 0, 65_535),
    walDir: path.resolve(present(environment, "WAL_DIR") ?? "wal"),
    walSegmentBytes: size(environment, "WAL_SEGMENT_BYTES", 64 * KIB ** 2, 64 * KIB, 4 * KIB ** 3),
    retention: Object.freeze({
      ms: forever(environment, "WAL_RETENTION")
        ? Number.POSITIVE_INFINITY
        : duration(environment, "WAL_RETENTION", 30 * 86_400_000),
      bytes: forever(environment, "WAL_RETENTION_BYTES")
        ? Number.POSITIVE_INFINITY
        : size(environment, "WAL_RETENTION_BYTES", 10 * KIB ** 3, 0, Number.MAX_SAFE_INTEGER),
    }),
    maxQueuedBytes: size(environment, "MAX_QUEUED_BYTES", 64 * KIB ** 2, 64 * KIB, 4 * KIB ** 3),
    maxCounters: integer(environment, "MAX_COUNTERS", 1_000_000, 1, 16_000_000),
    series: Object.freeze({
      hoursKeptMs: forever(environment, "SERIES_HOURS_KEPT")
        ? Number.POSITIVE_INFINITY
        : duration(environment, "SERIES_HOURS_KEPT", 35 * 86_400_000),
      maxPoints: integer(environment, "MAX_SERIES_POINTS", 4_000_000, 0, 100_000_000),
    }),
    idempotencyWindowMs: duration(environment, "IDEMPOTENCY_WINDOW", 24 * 3_600_000),
    maxIdempotencyKeys: integer(environment, "MAX_IDEMPOTENCY_KEYS", 1_000_000, 0, 16_000_000),
    countersAllow: countersAllow(environment),
    corsOrigins: corsOrigins(environment),
    trustProxy: integer(environment, "TRUST_PROXY", 0, 0, 16),
    adminToken: adminToken(environment),
    countBots: choice(environment, "COUNT_BOTS", ["1", "0"], "1") === "1",
    rateLimit: rateLimit(environment),
    logLevel: choice(environment, "LOG_LEVEL", LOG_LEVELS, "info"),
  });
}

function mongoSettings(environment: Environment): MongoSettings | undefined {
  const url = secret(environment, "MONGODB_URL");
  const database = present(environment, "MONGODB_DB");
  if (database !== undefined && !/^[^/\\. "$\0]{1,63}$/.test(database)) {
    throw refused("MONGODB_DB", database, 'a database name of 1 to 63 bytes without / \\ . " $ and spaces is allowed');
  }
  const maxOps = integer(environment, "PROJECTION_MAX_OPS", 1000, 1, 100_000);
  if (url === undefined) return undefined;
  if (!/^mongodb(\+srv)?:\/\/./.test(url)) {
    // Its value may hold a password.
    throw refused("MONGODB_URL", "…", "a URL that begins with mongodb:// or mongodb+srv:// is allowed");
  }
  return Object.freeze({ url, database, maxOps });
}

const MAX_LIST = 1000;

function countersAllow(environment: Environment): readonly string[] {
  const value = present(environment, "COUNTERS_ALLOW") ?? "*";
  const globs = splitGlobs(value);
  if (globs.length >= 1 && globs.length <= MAX_LIST) return Object.freeze(globs);
  throw refused("COUNTERS_ALLOW", value, "1 to 1,000 globs, separated by commas, are allowed");
}

function corsOrigins(environment: Environment): readonly string[] | "*" {
  const value = present(environment, "CORS_ORIGINS") ?? "*";
  if (value === "*") return "*";
  if (value === "none") return Object.freeze([]);
  const origins = value.split(/[\s,]+/).filter((origin) => origin !== "");
  if (origins.length >= 1 && origins.length <= MAX_LIST && origins.every(isOrigin)) return Object.freeze(origins);
  throw refused(
    "CORS_ORIGINS",
    value,
    "*, none, or origins like https://example.com, separated by commas, are allowed",
  );
}

/** Whether a text is an origin just as a browser sends it; `null` is what pages without one send. */
function isOrigin(text: string): boolean {
  if (text === "null") return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

function adminToken(environment: Environment): string | undefined {
  const token = secret(environment, "ADMIN_TOKEN");
  if (token === undefined || /^[!-~]{1,1024}$/.test(token)) return token;
  throw refused(
    "ADMIN_TOKEN",
    "…",
    "1 to 1,024 visible ASCII characters without blanks are allowed: it goes into a header",
  );
}

/** Windows of the limiter: longer ones would keep every address for long. */
const MAX_WINDOW_S = 86_400;

function rateLimit(environment: Environment): Config["rateLimit"] {
  const value = present(environment, "RATE_LIMIT");
  if (value === undefined || value === "off" || value === "0") return undefined;
  const [, digits, amount, unit] = /^(\d{1,9})(?:\/(\d*(?:\.\d+)?)(ms|s|m|h|d))?$/.exec(value) ?? [];
  const hits = Number(digits ?? Number.NaN);
  const seconds = unit === undefined ? 1 : (Number(amount || 1) * (DURATIONS[unit] ?? Number.NaN)) / 1000;
  if (hits >= 1 && seconds >= 1 && seconds <= MAX_WINDOW_S) return Object.freeze({ hits, seconds });
  throw refused(
    "RATE_LIMIT",
    value,
    "hits for each client in a time, like 100/s, 600/1m or 5000/24h, or off, is allowed",
  );
}

/** A setting that may be in a file instead, whose name is in `NAME_FILE`. */
function secret(environment: Environment, name: string): string | undefined {
  const value = present(environment, name);
  const file = present(environment, `${name}_FILE`);
  if (file === undefined) return value;
  if (value !== undefined) throw refused(`${name}_FILE`, file, `either this or ${name} is allowed, not both`);
  try {
    const content = readFileSync(file, "utf8").trim();
    if (content === "") throw new Error("the file is empty");
    return content;
  } catch (error) {
    throw refused(`${name}_FILE`, file, `a file that can be read is allowed (${describeError(error)})`);
  }
}

function present(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === "" ? undefined : value;
}

function forever(environment: Environment, name: string): boolean {
  return present(environment, name) === "forever";
}

function integer(environment: Environment, name: string, unset: number, min: number, max: number): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw refused(name, value, `a whole number from ${min} to ${max} is allowed`);
}

function size(environment: Environment, name: string, unset: number, min: number, max: number): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value) ?? [];
  const scale = SIZES[(unit ?? "?").toUpperCase()];
  const bytes = digits === undefined || scale === undefined ? Number.NaN : Number(digits) * scale;
  if (Number.isSafeInteger(bytes) && bytes >= min && bytes <= max) return bytes;
  const orForever = name === "WAL_RETENTION_BYTES" ? ", or forever" : "";
  throw refused(
    name,
    value,
    `bytes, or a size like 64MiB or 10GB, from ${min} to ${max} bytes${orForever} are allowed`,
  );
}

function duration(environment: Environment, name: string, unset: number): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) ?? [];
  const milliseconds = Number(digits ?? Number.NaN) * (DURATIONS[unit ?? ""] ?? Number.NaN);
  if (Number.isFinite(milliseconds)) return milliseconds;
  throw refused(name, value, "a duration like 500ms, 30s, 5m, 24h or 30d, or forever, is allowed");
}

function choice<T extends string>(environment: Environment, name: string, allowed: readonly T[], unset: T): T {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw refused(name, value, `one of ${allowed.join(", ")} is allowed`);
}
