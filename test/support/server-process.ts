import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { removeSync } from "fs-extra/esm";
import { holdAgainstDescription } from "./described-fetch.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
/** Tests of bytes on a socket send any host name. */
const TESTED = { ALLOWED_HOSTS: "*" };
export const BINARY = path.join(root, "dist", "bin.js");

const directories: string[] = [];
const children: ChildProcess[] = [];
// A test that fails leaves no server and no files behind, and neither does one that the runner ends.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of directories) removeSync(directory);
});
process.once("SIGTERM", () => process.exit(143));

/** A directory of this test's own; removed when the process ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-test-"));
  directories.push(directory);
  return directory;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real server process, of the build, on a free port. */
export class ServerProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<Ended>;

  private constructor(child: ChildProcess, url: string, ended: Promise<Ended>) {
    this.child = child;
    this.url = url;
    this.ended = ended;
  }

  /** Resolves once it listens; rejects with what it printed where it ends before. */
  static async start(environment: Record<string, string>): Promise<ServerProcess> {
    const server = await ServerProcess.launch(environment);
    if (server instanceof ServerProcess) return server;
    throw new Error(`the server ended with ${server.signal ?? server.status}: ${server.stdout}${server.stderr}`);
  }

  /**
   * Resolves once it listens, or has ended instead. `before` stands in front of its command line (strace, unshare) and
   * must leave the process that is started here the server itself, so that signals and statuses are the server's.
   */
  static async launch(
    environment: Record<string, string>,
    before: readonly string[] = [],
  ): Promise<ServerProcess | Ended> {
    const { child, ended } = spawnServer(environment, before);
    const url = await Promise.race([readyUrl(child), ended]);
    if (typeof url !== "string") return url;
    holdAgainstDescription(url);
    return new ServerProcess(child, url, ended);
  }

  /** Resolves once a line that it logs from now on matches. */
  logs(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      let text = "";
      this.child.stderr?.on("data", (chunk: string) => {
        text += chunk;
        if (pattern.test(text)) resolve();
      });
    });
  }

  /** kill -9: nothing of it runs on. */
  async kill(): Promise<Ended> {
    this.child.kill("SIGKILL");
    return await this.ended;
  }

  async stop(): Promise<Ended> {
    this.child.kill("SIGTERM");
    return await this.ended;
  }
}

/** Starts a server that is expected to refuse; how it ended. */
export async function failedStart(environment: Record<string, string>): Promise<Ended> {
  const { child, ended } = spawnServer(environment);
  const started = readyUrl(child).then((url) => {
    child.kill("SIGKILL");
    throw new Error(`the server was expected to refuse, but listens on ${url}`);
  });
  return await Promise.race([ended, started]);
}

function spawnServer(
  environment: Record<string, string>,
  before: readonly string[] = [],
): { child: ChildProcess; ended: Promise<Ended> } {
  const [command = "", ...rest] = [...before, process.execPath, BINARY, "serve"];
  const child = spawn(command, rest, {
    env: {
      PATH: process.env["PATH"],
      HOST: "127.0.0.1",
      PORT: "0",
      WAL_SEGMENT_BYTES: "1MiB",
      ...TESTED,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (status, signal) => resolve({ status, signal, ...output }));
  });
  children.push(child);
  return { child, ended };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    child.stdout?.on("data", (chunk: string) => {
      text += chunk;
      const url = /^listening on (http:\S+)$/m.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}
