import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
/** The directory of what the MongoDB tests download or build once; safe to delete. */
export const CACHE = path.join(ROOT, "node_modules", ".cache", "durable-hits-mongodb");

/** Long enough that one run of all tests fails once, short enough that a new connection to the network is noticed. */
const FAILURE_KEPT_MS = 15 * 60_000;
/** A lock this old is stale, even if its process id is in use again. Nothing done under one may take longer. */
const LOCK_KEPT_MS = 5 * 60_000;

export type Remembered = { readonly path: string } | { readonly failure: string };

/**
 * The path that `get` resolves to, or the reason why it failed. Done once for all test processes: a path that is there
 * is taken as it is, a failure holds for 15 minutes, and of several processes one works while the others wait.
 */
export async function remembered(name: string, get: () => Promise<string>): Promise<Remembered> {
  mkdirSync(CACHE, { recursive: true });
  const file = path.join(CACHE, `${name}.json`);
  return (
    read(file) ?? (await exclusively(path.join(CACHE, `${name}.lock`), async () => read(file) ?? write(file, get)))
  );
}

function read(file: string): Remembered | undefined {
  if (!existsSync(file)) return undefined;
  const known: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof known !== "object" || known === null) return undefined;
  if ("path" in known && typeof known.path === "string" && existsSync(known.path)) return { path: known.path };
  const fresh = Date.now() - statSync(file).mtimeMs < FAILURE_KEPT_MS;
  if (fresh && "failure" in known && typeof known.failure === "string") return { failure: known.failure };
  return undefined;
}

async function write(file: string, get: () => Promise<string>): Promise<Remembered> {
  const result: Remembered = await get().then(
    (found) => ({ path: found }),
    (error: unknown) => ({ failure: firstLine(error) }),
  );
  // Renamed, so that nobody reads half of it.
  writeFileSync(`${file}.new`, JSON.stringify(result));
  renameSync(`${file}.new`, file);
  return result;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n")[0] ?? "";
}

async function exclusively<T>(lock: string, work: () => Promise<T>): Promise<T> {
  while (!taken(lock)) {
    if (isStale(lock)) rmSync(lock, { force: true });
    else await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function isStale(lock: string): boolean {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LOCK_KEPT_MS) return true;
    const holder = Number(readFileSync(lock, "utf8"));
    // 0: made, but the id isn't written yet.
    if (holder > 0) process.kill(holder, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
