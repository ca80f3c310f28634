import { readFileSync } from "node:fs";
import path from "node:path";
import { describeError, HitsError } from "./errors.js";
import { splitGlobs } from "./hit/name-globs.js";
import type { AccessPolicy } from "./model/access.js";

/** The settings of a process, read from its environment and checked once. */
export interface Config extends AccessPolicy {
  readonly host: string;
  readonly port: number;
  readonly walDir: string;
  readonly walSegmentBytes: number;
  readonly retention: { readonly ms: number; readonly bytes: number };
  readonly maxQueuedBytes: number;
  readonly maxCounters: number;
  /** Time for which hours are kept, and the highest number of points of all counters' series. */
  readonly series: { readonly hoursKeptMs: number; readonly maxPoints: number };
  /** Time for which idempotency keys are remembered, and their highest number. */
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

/** Returns the error for an invalid setting, as one line: variable, value, and what is expected. */
function invalid(name: string, value: string, expected: string): HitsError {
  return new HitsError("INVALID_SETTING", `${name}=${value}: ${expected}`);
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

/** Reads the settings; an empty value counts as unset. Throws `INVALID_SETTING` for the first invalid one. */
export function readConfig(environment: Environment): Config {
  const role = choice(environment, "ROLE", { of: ROLES, unset: "all" });
  const mongodb = mongoSettings(environment);
  if (role === "project" && mongodb === undefined) {
    throw invalid("ROLE", role, "must be all or collect if MONGODB_URL is not set");
  }
  return Object.freeze({
    role,
    // A collector leaves projecting to another process.
    mongodb: role === "collect" ? undefined : mongodb,
    host: present(environment, "HOST") ?? "127.0.0.1",
    port: integer(environment, "PORT", { unset: 3000, min: 0, max: 65_535 }),
    walDir: path.resolve(present(environment, "WAL_DIR") ?? "wal"),
    walSegmentBytes: size(environment, "WAL_SEGMENT_BYTES", { unset: 64 * KIB ** 2, min: 64 * KIB, max: 4 * KIB ** 3 }),
    retention: Object.freeze({
      ms: duration(environment, "WAL_RETENTION", { unset: 30 * 86_400_000, forever: true }),
      bytes: size(environment, "WAL_RETENTION_BYTES", {
        unset: 10 * KIB ** 3,
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
        forever: true,
      }),
    }),
    maxQueuedBytes: size(environment, "MAX_QUEUED_BYTES", { unset: 64 * KIB ** 2, min: 64 * KIB, max: 4 * KIB ** 3 }),
    maxCounters: integer(environment, "MAX_COUNTERS", { unset: 1_000_000, min: 1, max: 16_000_000 }),
    series: Object.freeze({
      hoursKeptMs: duration(environment, "SERIES_HOURS_KEPT", { unset: 35 * 86_400_000, forever: true }),
      maxPoints: integer(environment, "MAX_SERIES_POINTS", { unset: 4_000_000, min: 0, max: 100_000_000 }),
    }),
    idempotencyWindowMs: duration(environment, "IDEMPOTENCY_WINDOW", { unset: 24 * 3_600_000 }),
    maxIdempotencyKeys: integer(environment, "MAX_IDEMPOTENCY_KEYS", { unset: 1_000_000, min: 0, max: 16_000_000 }),
    countersAllow: countersAllow(environment),
    corsOrigins: corsOrigins(environment),
    trustProxy: integer(environment, "TRUST_PROXY", { unset: 0, min: 0, max: 16 }),
    adminToken: adminToken(environment),
    publicHits: choice(environment, "PUBLIC_HITS", { of: ["views", "all"], unset: "views" }),
    countBots: choice(environment, "COUNT_BOTS", { of: ["1", "0"], unset: "1" }) === "1",
    rateLimit: rateLimit(environment),
    logLevel: choice(environment, "LOG_LEVEL", { of: LOG_LEVELS, unset: "info" }),
  });
}

function mongoSettings(environment: Environment): MongoSettings | undefined {
  const url = secret(environment, "MONGODB_URL");
  const database = present(environment, "MONGODB_DB");
  if (database !== undefined && !/^[^/\\. "$\0]{1,63}$/.test(database)) {
    throw invalid("MONGODB_DB", database, 'must be a database name of 1 to 63 bytes without / \\ . " $ and spaces');
  }
  const maxOps = integer(environment, "PROJECTION_MAX_OPS", { unset: 1000, min: 1, max: 100_000 });
  if (url === undefined) return undefined;
  if (!/^mongodb(\+srv)?:\/\/./.test(url)) {
    // Its value may hold a password.
    throw invalid("MONGODB_URL", "…", "must be a URL that begins with mongodb:// or mongodb+srv://");
  }
  return Object.freeze({ url, database, maxOps });
}

const MAX_LIST = 1000;

function countersAllow(environment: Environment): readonly string[] {
  const value = present(environment, "COUNTERS_ALLOW") ?? "*";
  const globs = splitGlobs(value);
  if (globs.length >= 1 && globs.length <= MAX_LIST) return Object.freeze(globs);
  throw invalid("COUNTERS_ALLOW", value, "must be 1 to 1,000 globs, separated by commas");
}

function corsOrigins(environment: Environment): readonly string[] | "*" {
  const value = present(environment, "CORS_ORIGINS") ?? "*";
  if (value === "*") return "*";
  if (value === "none") return Object.freeze([]);
  const origins = value.split(/[\s,]+/).filter((origin) => origin !== "");
  if (origins.length >= 1 && origins.length <= MAX_LIST && origins.every(isOrigin)) return Object.freeze(origins);
  throw invalid(
    "CORS_ORIGINS",
    value,
    "must be *, none, or 1 to 1,000 origins like https://example.com, separated by commas",
  );
}

/** Returns true for an origin exactly as browsers send it; pages without one send `null`. */
function isOrigin(text: string): boolean {
  if (text === "null") return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

function adminToken(environment: Environment): string | undefined {
  const token = secret(environment, "ADMIN_TOKEN");
  if (token === undefined || /^[!-~]{8,1024}$/.test(token)) return token;
  throw invalid(
    "ADMIN_TOKEN",
    "…",
    "must be 8 to 1,024 visible ASCII characters without spaces, such as the output of `openssl rand -hex 24`",
  );
}

/** The longest window of the rate limit; longer ones would keep every address in memory for long. */
const MAX_WINDOW_S = 86_400;

function rateLimit(environment: Environment): Config["rateLimit"] {
  const value = present(environment, "RATE_LIMIT");
  if (value === undefined || value === "off" || value === "0") return undefined;
  const [, digits, amount, unit] = /^(\d{1,9})(?:\/(\d*(?:\.\d+)?)(ms|s|m|h|d))?$/.exec(value) ?? [];
  const hits = Number(digits ?? Number.NaN);
  const seconds = unit === undefined ? 1 : (Number(amount || 1) * (DURATIONS[unit] ?? Number.NaN)) / 1000;
  if (hits >= 1 && seconds >= 1 && seconds <= MAX_WINDOW_S) return Object.freeze({ hits, seconds });
  throw invalid(
    "RATE_LIMIT",
    value,
    "must be hits per client in a time of 1 s to 24 h, like 100/s, 600/1m or 5000/24h, or off",
  );
}

/** Reads a setting that may be in a file instead, whose name is in `NAME_FILE`. */
function secret(environment: Environment, name: string): string | undefined {
  const value = present(environment, name);
  const file = present(environment, `${name}_FILE`);
  if (file === undefined) return value;
  if (value !== undefined) throw invalid(`${name}_FILE`, file, `must not be set together with ${name}`);
  try {
    const content = readFileSync(file, "utf8").trim();
    if (content === "") throw new Error("the file is empty");
    return content;
  } catch (error) {
    throw invalid(`${name}_FILE`, file, `must be a readable file (${describeError(error)})`);
  }
}

function present(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === "" ? undefined : value;
}

interface Range {
  readonly unset: number;
  readonly min: number;
  readonly max: number;
}

function integer(environment: Environment, name: string, { unset, min, max }: Range): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(name, value, `must be an integer from ${min} to ${max}`);
}

/** `forever`, where it is an option, is infinite. */
interface Endless {
  readonly forever?: true;
}

/** Reads a size in bytes. */
function size(environment: Environment, name: string, { unset, min, max, forever }: Range & Endless): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  if (value === "forever" && forever) return Number.POSITIVE_INFINITY;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value) ?? [];
  const scale = SIZES[(unit ?? "?").toUpperCase()];
  const bytes = digits === undefined || scale === undefined ? Number.NaN : Number(digits) * scale;
  if (Number.isSafeInteger(bytes) && bytes >= min && bytes <= max) return bytes;
  const orForever = forever ? ", or forever" : "";
  throw invalid(name, value, `must be bytes, or a size like 64MiB or 10GB, from ${min} to ${max} bytes${orForever}`);
}

/** Reads a duration in milliseconds. */
function duration(environment: Environment, name: string, { unset, forever }: Pick<Range, "unset"> & Endless): number {
  const value = present(environment, name);
  if (value === undefined) return unset;
  if (value === "forever" && forever) return Number.POSITIVE_INFINITY;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) ?? [];
  const milliseconds = Number(digits ?? Number.NaN) * (DURATIONS[unit ?? ""] ?? Number.NaN);
  if (Number.isFinite(milliseconds)) return milliseconds;
  const orForever = forever ? ", or forever" : "";
  throw invalid(name, value, `must be a duration like 500ms, 30s, 5m, 24h or 30d${orForever}`);
}

interface Choice<T> {
  readonly of: readonly T[];
  readonly unset: T;
}

function choice<T extends string>(environment: Environment, name: string, { of, unset }: Choice<T>): T {
  const value = present(environment, name);
  if (value === undefined) return unset;
  const found = of.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw invalid(name, value, `must be one of ${of.join(", ")}`);
}
