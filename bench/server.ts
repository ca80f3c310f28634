import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

export interface Contestant {
  readonly url: string;
  /** Resident memory in bytes; 0 where the system doesn't tell. */
  memory(): number;
  stop(): Promise<void>;
}

/** Our server as built, on a log directory of its own that goes with it. */
export async function startOurs(environment: Record<string, string> = {}): Promise<Contestant> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-bench-"));
  const binary = path.join(root, "dist", "bin.js");
  if (!existsSync(binary)) throw new Error("there is no build to measure: npm run build first");
  const contestant = await start([binary, "serve"], { WAL_DIR: directory, LOG_LEVEL: "warn", ...environment });
  return {
    ...contestant,
    async stop() {
      await contestant.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A peer in bench/peers. */
export function startPeer(name: string): Promise<Contestant> {
  return start([path.join(root, "bench", "peers", name)], {});
}

async function start(args: readonly string[], environment: Record<string, string>): Promise<Contestant> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], HOST: "127.0.0.1", PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.on("exit", () => child.kill("SIGKILL"));
  const url = await readyUrl(child);
  return {
    url,
    memory: () => residentBytes(child),
    stop: () =>
      new Promise((resolve) => {
        child.once("close", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const url = /listening on (http:\S+)/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once("close", (status) => reject(new Error(`a contestant ended with status ${status}`)));
  });
}

function residentBytes(child: ChildProcess): number {
  const file = `/proc/${child.pid}/status`;
  if (!existsSync(file)) return 0;
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0) * 1024;
}
