/** A server that is operated by the commands of docs/operations.md, with the paths of a test. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BINARY, ServerProcess, temporaryDirectory } from "../support/server-process.js";

const run = promisify(execFile);
const BLOCK_MS = 60_000;

function textOf(section: string): string {
  const text = readFileSync(fileURLToPath(new URL("../../docs/operations.md", import.meta.url)), "utf8");
  return text.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? "";
}

/** A command within the text of a section that begins so. */
export function spanIn(section: string, beginning: string): string {
  const found = [
    ...textOf(section)
      .replace(/^```.*?^```$/gms, "")
      .matchAll(/`([^`]+)`/g),
  ].find(([, command]) => command?.startsWith(beginning));
  if (found?.[1] === undefined) throw new Error(`docs/operations.md has no ${beginning} under ${section}`);
  return found[1];
}

/** The commands of a section, block by block. */
export function commandsOf(section: string): string[] {
  return [...textOf(section).matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

export class Operated {
  readonly #root = temporaryDirectory();
  readonly #environment: Record<string, string>;
  readonly #control = createServer((request, response) => {
    const acted = request.url === "/start" ? this.start() : this.stop();
    acted.then(
      () => response.end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  #server: ServerProcess | undefined;

  private constructor(environment: Record<string, string>) {
    this.#environment = { LOG_LEVEL: "silent", WAL_SEGMENT_BYTES: "64KiB", ...environment };
  }

  /** Runs `use` with a running server; its `systemctl` starts and stops that one. */
  static async with(environment: Record<string, string>, use: (operated: Operated) => Promise<void>): Promise<void> {
    const operated = new Operated(environment);
    try {
      await operated.#prepare();
      await operated.start();
      await use(operated);
    } finally {
      await operated.#server?.kill();
      operated.#control.close();
    }
  }

  async #prepare(): Promise<void> {
    for (const name of ["lib", "backup", "etc", "bin", "new"]) mkdirSync(path.join(this.#root, name));
    writeFileSync(this.#settings, "");
    await once(this.#control.listen(0, "127.0.0.1"), "listening");
    const address = this.#control.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const ask = `fetch("http://127.0.0.1:${port}/" + process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1))`;
    this.#program("systemctl", `exec '${process.execPath}' -e '${ask}' "$1"`);
    this.#program("durable-hits", `exec '${process.execPath}' '${BINARY}' "$@"`);
  }

  #program(name: string, command: string): void {
    const file = path.join(this.#root, "bin", name);
    writeFileSync(file, `#!/bin/sh\n${command}\n`);
    chmodSync(file, 0o755);
  }

  get #settings(): string {
    return path.join(this.#root, "etc", "durable-hits.env");
  }

  get url(): string {
    return this.#server?.url ?? "http://127.0.0.1:1";
  }

  async start(): Promise<void> {
    const settings = [...readFileSync(this.#settings, "utf8").matchAll(/^(\w+)=(.*)$/gm)];
    this.#server = await ServerProcess.start({
      WAL_DIR: path.join(this.#root, "lib", "wal"),
      ...this.#environment,
      ...Object.fromEntries(settings.map(([, name, value]) => [name, value])),
    });
  }

  async stop(): Promise<void> {
    const ended = await this.#server?.stop();
    if (ended?.status !== 0) throw new Error(`the server ended with ${ended?.status}: ${ended?.stderr}`);
  }

  /** Runs commands as the document has them; stops at the first that fails. What they print. */
  async run(commands: string): Promise<string> {
    const here = commands
      .replaceAll("/var/lib/durable-hits", `${this.#root}/lib`)
      .replaceAll("/etc/durable-hits", `${this.#root}/etc`)
      .replace(/(?<![\w/])\/backup\b/g, `${this.#root}/backup`)
      .replaceAll("/mnt/new", `${this.#root}/new`);
    const env = { ...process.env, ...this.#environment, PATH: `${this.#root}/bin:${process.env["PATH"]}` };
    const { stdout } = await run("sh", ["-e", "-c", here], { env, cwd: this.#root, timeout: BLOCK_MS });
    return stdout;
  }

  async hit(counter: string): Promise<number> {
    const response = await fetch(`${this.url}/hits/${counter}`, { method: "POST" });
    if (response.status !== 202) throw new Error(await response.text());
    return ((await response.json()) as { count: number }).count;
  }

  async count(counter: string): Promise<number> {
    const response = await fetch(`${this.url}/counters/${counter}`);
    return ((await response.json()) as { count: number }).count;
  }
}
