import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
/** A server that was asked to end is killed after so long. */
const STOP_MS = 30_000;

export interface Contestant {
  readonly url: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
const scratch = new Set<string>();
// Of a run that is broken off.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const directory of scratch) rmSync(directory, { recursive: true, force: true });
});

/** Our server as built, on a log directory of its own that goes with it. */
export async function startOurs(environment: Record<string, string> = {}): Promise<Contestant> {
  const binary = path.join(root, "dist", "bin.js");
  if (!existsSync(binary)) throw new Error("there is no build to measure: npm run build first");
  return inScratch((directory) =>
    start([binary, "serve"], { WAL_DIR: directory, LOG_LEVEL: "warn", ...environment }, LISTENING),
  );
}

/** A peer in bench/peers. */
export function startPeer(name: string, environment: Record<string, string> = {}): Promise<Contestant> {
  // node:sqlite says of itself that it is an experiment.
  const quiet = "--disable-warning=ExperimentalWarning";
  return start([quiet, path.join(root, "bench", "peers", name)], environment, LISTENING);
}

/** A directory beside that of our log, on the same disk, which is removed when what was started in it stops. */
export async function inScratch<T extends { stop(): Promise<void> }>(
  start: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-bench-"));
  scratch.add(directory);
  const remove = () => {
    rmSync(directory, { recursive: true, force: true });
    scratch.delete(directory);
  };
  try {
    const started = await start(directory);
    return {
      ...started,
      async stop() {
        await started.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Another program; resolves once it has printed that it is ready. */
export async function startProgram(
  program: string,
  args: readonly string[],
  ready: RegExp,
): Promise<{ stop(): Promise<void> }> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  await printed(child, ready);
  return { stop: () => stop(child) };
}

const LISTENING = /listening on (http:\S+)/;

async function start(args: readonly string[], environment: Record<string, string>, ready: RegExp): Promise<Contestant> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], HOST: "127.0.0.1", PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [, url = ""] = await printed(child, ready);
  return { url, pid: child.pid, stop: () => stop(child) };
}

function printed(child: ChildProcess, what: RegExp): Promise<RegExpExecArray> {
  running.add(child);
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const found = what.exec(output);
      if (found === null) return;
      resolve(found);
      output = "";
    });
    child.once("error", reject);
    child.once("close", (status) => {
      running.delete(child);
      reject(new Error(`a contestant ended with status ${status} ${output}`.trimEnd()));
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
