import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** A start that takes longer has failed. */
const START_MS = 30_000;

/** A server as users run it, on the log of the torture. */
export class TortureServer {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  private constructor(child: ChildProcess, ended: Promise<string>, url: string) {
    this.#child = child;
    this.#ended = ended;
    this.url = url;
  }

  /** Resolves once it listens. `started` is called before that, with a function that kills it. Rejects with its messages. */
  static async start(directory: string, started: (kill: () => void) => void): Promise<TortureServer> {
    // This same program, from the sources or from the build.
    const own = fileURLToPath(import.meta.url);
    const program = path.join(path.dirname(own), "..", "..", `bin${path.extname(own)}`);
    const child = spawn(process.execPath, [...process.execArgv, program, "serve"], {
      env: {
        PATH: process.env["PATH"],
        WAL_DIR: directory,
        HOST: "127.0.0.1",
        PORT: "0",
        // Small, so that a run crosses many segments.
        WAL_SEGMENT_BYTES: "256KiB",
        LOG_LEVEL: "error",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    started(() => child.kill("SIGKILL"));
    let messages = "";
    const ended = new Promise<string>((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", (status, signal) =>
        resolve(`${signal ?? `status ${status}`}${messages === "" ? "" : `: ${messages}`}`),
      );
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      messages = `${messages}${text}`.slice(-2000);
    });
    const listens = new Promise<string>((resolve) => {
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        const url = /^listening on (http:\S+)$/m.exec(text)?.[1];
        if (url !== undefined) resolve(url);
      });
    });
    const limit = setTimeout(() => child.kill("SIGKILL"), START_MS);
    const url = await Promise.race([
      listens,
      ended.then((how) => {
        throw new Error(`the server ended with ${how}`);
      }),
    ]).finally(() => clearTimeout(limit));
    return new TortureServer(child, ended, url);
  }

  /** Kills it with -9; resolves to how it ended, which may have been earlier. */
  async kill(): Promise<string> {
    this.#child.kill("SIGKILL");
    return await this.#ended;
  }

  /** Stops it with SIGTERM; resolves to how it ended. */
  async stop(): Promise<string> {
    this.#child.kill("SIGTERM");
    return await this.#ended;
  }
}
