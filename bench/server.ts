import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { remove, removeSync } from "fs-extra/esm";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
/** A server that has not stopped by then is killed. */
const STOP_MS = 30_000;

export interface Contestant {
  readonly url: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
const scratch = new Set<string>();
// Cleans up after an interrupted run.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const directory of scratch) removeSync(directory);
});

/** Starts our server as built, on a log directory of its own that is removed when it stops. */
export async function startOurs(environment: Record<string, string> = {}): Promise<Contestant> {
  const binary = path.join(root, "dist", "bin.js");
  if (!existsSync(binary)) throw new Error("there is no build to measure; run: npm run build");
  return inScratch((directory) =>
    start([binary, "serve"], { WAL_DIR: directory, LOG_LEVEL: "warn", ...environment }, LISTENING),
  );
}

/** Starts a peer of bench/peers. */
export function startPeer(name: string, environment: Record<string, string> = {}): Promise<Contestant> {
  // node:sqlite prints a warning that it is experimental.
  const quiet = "--disable-warning=ExperimentalWarning";
  return start([quiet, path.join(root, "bench", "peers", name)], environment, LISTENING);
}

/** Starts something in a directory on the same disk as our log, which is removed when it stops. */
export async function inScratch<T extends { stop(): Promise<void> }>(
  start: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-bench-"));
  scratch.add(directory);
  const clear = async () => {
    await remove(directory);
    scratch.delete(directory);
  };
  try {
    const started = await start(directory);
    return {
      ...started,
      async stop() {
        await started.stop();
        await clear();
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

/** Starts another program; resolves once it has printed that it is ready. */
export async function startProgram(
  program: string,
  args: readonly string[],
  ready: RegExp,
): Promise<{ stop(): Promise<void> }> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  await waitForOutput(child, ready);
  return { stop: () => stop(child) };
}

const LISTENING = /listening on (http:\S+)/;

async function start(args: readonly string[], environment: Record<string, string>, ready: RegExp): Promise<Contestant> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], HOST: "127.0.0.1", PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [, url = ""] = await waitForOutput(child, ready);
  return { url, pid: child.pid, stop: () => stop(child) };
}

function waitForOutput(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  running.add(child);
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const found = pattern.exec(output);
      if (found === null) return;
      resolve(found);
      output = "";
    });
    child.once("error", reject);
    child.once("close", (status) => {
      running.delete(child);
      reject(new Error(`a contestant exited with status ${status} ${output}`.trimEnd()));
    });
  });
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    child.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
