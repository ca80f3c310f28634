import { randomBytes } from "node:crypto";
import path from "node:path";
import { copy, emptyDir, ensureDir, remove } from "fs-extra/esm";
import { MongoClient } from "mongodb";
import { temporaryDirectory } from "../server-process.js";
import { DatabaseProcess } from "./database-process.js";
import type { FoundServer } from "./find-server.js";
import { freePort } from "./free-port.js";

/** The files of a server as they were at one moment. */
export interface Copy {
  readonly directory: string;
}

/**
 * A MongoDB server of a test's own, on one port and one set of data files for its whole life; or, where
 * MONGODB_TEST_URL is set, a handle to that one, of which everything but `url`, `randomDatabase` and `close` throws.
 * Whatever is left when the process ends is killed and removed.
 */
export class MongoServer {
  readonly found: FoundServer;
  /** Without a database. */
  readonly url: string;
  readonly #port: number;
  readonly #directory: string;
  readonly #databases: string[] = [];
  #process: DatabaseProcess | undefined;
  #copies = 0;

  private constructor(found: FoundServer, url: string, port: number, directory: string) {
    this.found = found;
    this.url = url;
    this.#port = port;
    this.#directory = directory;
  }

  /** Resolves once it answers and takes writes. */
  static async open(found: FoundServer): Promise<MongoServer> {
    if (!found.controllable) return new MongoServer(found, found.url, 0, "");
    const port = await freePort();
    const server = new MongoServer(found, `mongodb://127.0.0.1:${port}`, port, temporaryDirectory());
    await ensureDir(server.#data);
    await server.start();
    return server;
  }

  get #data(): string {
    return path.join(this.#directory, "data");
  }

  /** The process id while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Does nothing where it runs. Rejects with what it printed where it ends instead. */
  async start(): Promise<void> {
    const found = this.#controllable();
    if (this.#process !== undefined) return;
    this.#process = await DatabaseProcess.start(found, this.#port, this.#data);
  }

  /** A clean end: all it acknowledged is in its files. */
  async stop(): Promise<void> {
    await this.#end((process) => process.stop());
  }

  /** kill -9, also of a frozen one; resolves when it is dead. */
  async kill(): Promise<void> {
    await this.#end((process) => process.kill());
  }

  /** kill -9, and up again on the same port and files. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Its connections stay open, and nothing answers: no process, no port and no packet tells. */
  async freeze(): Promise<void> {
    this.#controllable();
    await this.#process?.freeze();
  }

  thaw(): void {
    this.#controllable();
    this.#process?.thaw();
  }

  /** Its files at this moment, with the world stopped: what a crash now would leave. It runs on, if it ran. */
  async copyAside(): Promise<Copy> {
    this.#controllable();
    this.#copies += 1;
    const directory = path.join(this.#directory, `copy-${this.#copies}`);
    const running = this.#process?.frozen === false ? this.#process : undefined;
    await running?.freeze();
    try {
      await copy(this.#data, directory);
    } finally {
      running?.thaw();
    }
    return { directory };
  }

  /** kill -9, the files of that copy instead of its own, and up again: a restore from a backup. */
  async putBack(from: Copy): Promise<void> {
    await this.kill();
    await remove(this.#data);
    await copy(from.directory, this.#data);
    await this.start();
  }

  /** kill -9, and up again with no data at all. */
  async wipe(): Promise<void> {
    await this.kill();
    await emptyDir(this.#data);
    await this.start();
  }

  /** A name that no other test uses; `close` drops it on a server that isn't this test's own. */
  randomDatabase(): string {
    const name = `durable_hits_test_${randomBytes(6).toString("hex")}`;
    this.#databases.push(name);
    return name;
  }

  /** For `test.after`: nothing of this test is left. */
  async close(): Promise<void> {
    if (this.found.controllable) {
      await this.kill();
      await remove(this.#directory);
      return;
    }
    const client = new MongoClient(this.url, { serverSelectionTimeoutMS: 10_000 });
    try {
      for (const name of this.#databases) await client.db(name).dropDatabase();
    } finally {
      await client.close();
    }
  }

  #controllable(): FoundServer & { readonly controllable: true } {
    if (!this.found.controllable) throw new Error("the server of MONGODB_TEST_URL is not this test's to control");
    return this.found;
  }

  async #end(how: (process: DatabaseProcess) => Promise<void>): Promise<void> {
    this.#controllable();
    const process = this.#process;
    if (process === undefined) return;
    await how(process);
    this.#process = undefined;
  }
}
