/** Imports of real processes, which a test interrupts. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import type { Summary } from "../cli/import/harness.js";
import { freePort } from "../support/mongodb/free-port.js";
import { BINARY, type Ended, temporaryDirectory } from "../support/server-process.js";

const children: ChildProcess[] = [];
test.after.each(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export function start(args: readonly string[], environment: Record<string, string>): Running {
  const child = spawn(process.execPath, [BINARY, ...args], { env: { PATH: process.env["PATH"], ...environment } });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  }
  return {
    child,
    ended: new Promise((resolve) => child.on("close", (status, signal) => resolve({ status, signal, ...output }))),
  };
}

export const summary = ({ stdout }: Ended) => JSON.parse(stdout) as Summary;

export interface World {
  readonly environment: Record<string, string>;
  readonly file: string;
  readonly lines: number;
  readonly counts: ReadonlyMap<string, number>;
  /** Reads the number of lines that are done, as the state file has it. */
  done(): number;
}

/** A log directory, a port, and an access log of so many lines, every tenth of which is a miss. */
export async function world(lines: number): Promise<World> {
  const directory = temporaryDirectory();
  const file = `${directory}/access.log`;
  const counts = new Map<string, number>();
  const texts: string[] = [];
  for (let line = 0; line < lines; line++) {
    const page = `/page/${(line * 7919) % 101}`;
    const status = line % 10 === 9 ? 404 : 200;
    if (status === 200) counts.set(page, (counts.get(page) ?? 0) + 1);
    texts.push(`192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET ${page}?${line % 3} HTTP/1.1" ${status} 1 "-" "-"\n`);
  }
  writeFileSync(file, texts.join(""));
  const environment = { WAL_DIR: `${directory}/wal`, WAL_SEGMENT_BYTES: "1MiB", PORT: String(await freePort()) };
  const done = () => {
    const state = `${file}.imported`;
    return existsSync(state) ? (JSON.parse(readFileSync(state, "utf8")) as { lines: number }).lines : 0;
  };
  return { environment, file, lines, counts, done };
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited a minute for ${what}`);
    await sleep(5);
  }
}
