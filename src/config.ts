import { isIP } from "node:net";
import path from "node:path";
import { expandGlobs, splitGlobs } from "./hit/name-globs.js";
import type { AccessPolicy } from "./model/access.js";
import {
  choice,
  DURATIONS,
  duration,
  type Environment,
  integer,
  invalid,
  KIB,
  present,
  secret,
  size,
} from "./setting.js";

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

/** Reads the settings; an empty value counts as unset. Throws `INVALID_SETTING` for the first invalid one. */
export function readConfig(environment: Environment): Config {
  const role = choice(environment, "ROLE", { of: ROLES, unset: "all" });
  const mongodb = mongoSettings(environment);
  if (role === "project" && mongodb === undefined) {
    throw invalid("ROLE", role, "must be all or collect if MONGODB_URL is not set");
  }
  const host = present(environment, "HOST") ?? "127.0.0.1";
  const trustProxy = integer(environment, "TRUST_PROXY", { unset: 0, min: 0, max: 16 });
  return Object.freeze({
    role,
    // A collector leaves projecting to another process.
    mongodb: role === "collect" ? undefined : mongodb,
    host,
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
    trustProxy,
    allowedHosts: allowedHosts(environment, host, trustProxy),
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
  if (globs.length >= 1 && expandGlobs(globs) !== undefined) return Object.freeze(globs);
  throw invalid(
    "COUNTERS_ALLOW",
    value,
    "must be 1 to 1,000 globs, separated by commas, alternatives in braces included",
  );
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

/** Without the setting: what the address implies. Any name may lead to an address other than loopback, and to a proxy. */
function allowedHosts(environment: Environment, host: string, trustProxy: number): readonly string[] | "*" {
  const value = present(environment, "ALLOWED_HOSTS");
  if (value === undefined) {
    if (trustProxy > 0 || (isIP(host) !== 0 && !isLoopback(host))) return "*";
    return Object.freeze(isLoopback(host) ? [] : [host.toLowerCase()]);
  }
  const names = value.split(/[\s,]+/).filter((name) => name !== "");
  if (names.includes("*")) return "*";
  if (names.length >= 1 && names.length <= MAX_LIST && names.every((name) => HOST_NAME.test(name))) {
    return Object.freeze(names.map((name) => name.toLowerCase().replace(/\.$/, "")));
  }
  throw invalid(
    "ALLOWED_HOSTS",
    value,
    "must be *, or 1 to 1,000 host names like hits.example.com or *.example.com, without ports, separated by commas",
  );
}

const HOST_NAME = /^(\*\.)?[\w-]+(\.[\w-]+)*\.?$/;

/** Returns true for a `HOST` that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return /^(127\.|::1$|localhost$)/i.test(host);
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
