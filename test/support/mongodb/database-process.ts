import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient, MongoServerError } from "mongodb";
import type { Mongod } from "./find-server.js";
import type { StandIn } from "./stand-in.js";

const START_LIMIT_MS = 60_000;
const ALREADY_INITIALIZED = 23;

const children = new Set<ChildProcess>();
// First of all that happens at the end: the directories that these write to are removed there too.
process.prependListener("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** One run of a database server, from its start to its end. */
export class DatabaseProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #frozen = false;

  private constructor(child: ChildProcess, ended: Promise<string>) {
    this.#child = child;
    this.#ended = ended;
  }

  /** Resolves once it takes writes; rejects with what it printed where it ends before, or takes more than a minute. */
  static async start(found: Mongod | StandIn, port: number, data: string): Promise<DatabaseProcess> {
    const { command, ready } = launch(found, port, data);
    const [file = "", ...args] = command;
    // The stand-in ends with its standard input, so that it doesn't outlive a test process that was killed.
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    children.add(child);
    const output = collect(child);
    const ended = new Promise<string>((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", (status, signal) => resolve(`ended with ${signal ?? status}: ${output.text}`));
    }).finally(() => children.delete(child));
    const server = new DatabaseProcess(child, ended);
    const starting = output.shows(ready).then(() => (found.kind === "mongod" ? becomePrimary(port) : undefined));
    const failing = ended.then((how) => {
      throw new Error(`the database server on port ${port} ${how}`);
    });
    const limit = setTimeout(() => child.kill("SIGKILL"), START_LIMIT_MS);
    try {
      await Promise.race([starting, failing]);
    } catch (error) {
      await server.kill();
      throw error;
    } finally {
      clearTimeout(limit);
    }
    return server;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** A clean end. */
  async stop(): Promise<void> {
    this.thaw();
    this.#child.kill("SIGTERM");
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Resolves once it stands still: SIGSTOP alone only asks for that. */
  async freeze(): Promise<void> {
    this.#frozen = true;
    this.#child.kill("SIGSTOP");
    do await sleep(process.platform === "linux" ? 5 : 100);
    while (process.platform === "linux" && runs(this.pid));
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
    this.#frozen = false;
  }
}

/** Returns whether, by /proc, a thread of the process is neither stopped nor gone. */
function runs(pid: number | undefined): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => {
      // The name comes before the state, in parentheses, and may hold anything.
      const state = /^.*\) (\w)/s.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8"))?.[1];
      return state !== "T" && state !== "Z" && state !== "X";
    });
  } catch {
    return false;
  }
}

function launch(found: Mongod | StandIn, port: number, data: string): { command: string[]; ready: RegExp } {
  if (found.kind === "stand-in") {
    // It lives for seconds: what makes long runs faster would only make its start slower.
    const java = [
      found.java,
      "-Xmx512m",
      "-XX:TieredStopAtLevel=1",
      "-XX:+UseSerialGC",
      "-cp",
      found.classPath,
      "StandIn",
    ];
    return { command: [...java, String(port), path.join(data, "data.mv")], ready: /^ready \d+$/m };
  }
  const where = ["--dbpath", data, "--port", String(port), "--bind_ip", "127.0.0.1"];
  const small = ["--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25"];
  return { command: [found.binary, ...where, "--replSet", "test", ...small], ready: /waiting for connections/i };
}

/** A replica set of one takes no write before it has elected itself. */
async function becomePrimary(port: number): Promise<void> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}`, {
    directConnection: true,
    serverSelectionTimeoutMS: START_LIMIT_MS,
  });
  try {
    const admin = client.db("admin");
    const config = { _id: "test", members: [{ _id: 0, host: `127.0.0.1:${port}` }] };
    await admin.command({ replSetInitiate: config }).catch((error: unknown) => {
      // It was started before with these files.
      if (!(error instanceof MongoServerError && error.code === ALREADY_INITIALIZED)) throw error;
    });
    while ((await admin.command({ hello: 1 }))["isWritablePrimary"] !== true) await sleep(50);
  } finally {
    await client.close();
  }
}

interface Output {
  /** The last of it. */
  readonly text: string;
  shows(pattern: RegExp): Promise<void>;
}

function collect(child: ChildProcess): Output {
  let text = "";
  const waiting: { pattern: RegExp; resolve: () => void }[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-20_000);
      for (const { pattern, resolve } of waiting) if (pattern.test(text)) resolve();
    });
  }
  return {
    get text() {
      return text;
    },
    shows: (pattern) => new Promise((resolve) => waiting.push({ pattern, resolve })),
  };
}
