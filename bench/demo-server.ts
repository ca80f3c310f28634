import { spawn } from "node:child_process";
import { freePort } from "../test/support/mongodb/free-port.js";
import { BINARY, type Ended, ServerProcess, temporaryDirectory } from "../test/support/server-process.js";

/** What the server reports, over all counters. */
export interface Figures {
  readonly counts: ReadonlyMap<string, number>;
  readonly counted: number;
  readonly projected: number;
  readonly pending: number;
  /** Whether the server's projection gets answers: `up`, `no answer`, or its state. */
  readonly mongodb: string;
}

const REQUEST_MS = 1500;

/** Our own server as built, on the same port and log directory after each restart. */
export class DemoServer {
  readonly url: string;
  readonly #environment: Record<string, string>;
  #process: ServerProcess | undefined;

  private constructor(port: number, environment: Record<string, string>) {
    this.url = `http://127.0.0.1:${port}`;
    this.#environment = environment;
  }

  static async open(mongodb: { readonly url: string; readonly database: string }): Promise<DemoServer> {
    const port = await freePort();
    const server = new DemoServer(port, {
      PORT: String(port),
      WAL_DIR: temporaryDirectory(),
      MONGODB_URL: mongodb.url,
      MONGODB_DB: mongodb.database,
      LOG_LEVEL: "error",
    });
    await server.start();
    return server;
  }

  get directory(): string {
    return this.#environment["WAL_DIR"] ?? "";
  }

  /** Resolves once it accepts hits. */
  async start(): Promise<void> {
    this.#process = await ServerProcess.start(this.#environment);
  }

  /** Sends kill -9. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }

  /** Sends SIGTERM, as a service manager does. Resolves to how the process ended. */
  async stop(): Promise<Ended | undefined> {
    const ended = await this.#process?.stop();
    this.#process = undefined;
    return ended;
  }

  /** Undefined while the server is down. */
  async figures(): Promise<Figures | undefined> {
    try {
      const [list, status] = await Promise.all([
        this.#get<{ counters: { counter: string; count: number; projected: number; pending: number }[] }>(
          "/counters?limit=1000",
        ),
        this.#get<{ projections: { name: string; state: string }[] }>("/status"),
      ]);
      const sum = (key: "count" | "projected" | "pending") => list.counters.reduce((total, row) => total + row[key], 0);
      const state = status.projections.find(({ name }) => name === "mongodb")?.state ?? "unknown";
      const mongodb = state === "running" ? "up" : state === "retrying" ? "no answer" : state;
      const counts = new Map(list.counters.map(({ counter, count }) => [counter, count]));
      return { counts, counted: sum("count"), projected: sum("projected"), pending: sum("pending"), mongodb };
    } catch {
      return undefined;
    }
  }

  /** Runs `durable-hits wal audit` while the server runs. */
  audit(): Promise<{ readonly status: number | null; readonly output: string }> {
    const { PORT: _, ...environment } = this.#environment;
    const child = spawn(process.execPath, [BINARY, "wal", "audit"], {
      env: { PATH: process.env["PATH"], ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, output: output.trimEnd() })));
  }

  async #get<T>(target: string): Promise<T> {
    const response = await fetch(`${this.url}${target}`, { signal: AbortSignal.timeout(REQUEST_MS) });
    if (!response.ok) throw new Error(`${target} was answered with ${response.status}`);
    return (await response.json()) as T;
  }
}
