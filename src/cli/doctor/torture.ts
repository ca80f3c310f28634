import { randomInt } from "node:crypto";
import path from "node:path";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../errors.js";
import { plural } from "../../model/text.js";
import { runWalCommand } from "../wal/wal-command.js";
import type { Finding } from "./check.js";
import type { Scratch } from "./scratch.js";
import { Ledger } from "./torture-ledger.js";
import { readCounts, TortureLoad } from "./torture-load.js";
import { TortureServer } from "./torture-server.js";

const LEAST_UP_MS = 50;
const MOST_UP_MS = 1200;
const END_MS = 60_000;
const SHOWN = 5;

export interface TortureOptions {
  readonly seconds: number;
  readonly seed: number | undefined;
}

/**
 * Runs the real server in the scratch directory, kills it at random moments under load, and after each restart compares its
 * counts with the acknowledged hits. At the end the outcome of every hit with an id is known, a second recovery must change
 * nothing, and `wal verify` must find no damage. `print` gets the seed at the start.
 */
export function torture({ seconds, seed = randomInt(2 ** 32) }: TortureOptions, print: (text: string) => void) {
  return async function* (scratch: Scratch): AsyncGenerator<Finding> {
    const check = "torture";
    print(`torture: ${seconds} s, seed ${seed}`);
    const run = new Run(path.join(scratch.directory, "wal"), scratch, random(seed));
    const advice = `keep this output, with the seed ${seed}; first suspect a disk that loses synced data`;
    try {
      const wrong = await run.run(seconds * 1000);
      const { acknowledged, unknown, refusals } = run.ledger;
      const refused = [...refusals].map(([code, count]) => `, ${count} refused with ${code}`).join("");
      const about = `${plural(run.kills, "kill")} -9, ${plural(acknowledged, "hit")} acknowledged, ${unknown} unknown${refused}; seed ${seed}`;
      if (wrong.length === 0) yield { check, level: "ok", found: `every count is right: ${about}` };
      else yield { check, level: "problem", found: `${wrong.slice(0, SHOWN).join("; ")} (${about})`, advice };
    } catch (error) {
      const found = `it could not be completed: ${describeError(error)} (after ${plural(run.kills, "kill")} -9; seed ${seed})`;
      yield { check, level: "problem", found, advice };
    } finally {
      run.kill();
    }
  };
}

class Run {
  readonly ledger = new Ledger();
  kills = 0;
  readonly #directory: string;
  readonly #random: () => number;
  /** Kills the current server, if any. */
  kill: () => void = () => undefined;

  constructor(directory: string, scratch: Scratch, random: () => number) {
    this.#directory = directory;
    this.#random = random;
    scratch.beforeRemoval(() => this.kill());
  }

  /** Resolves to a line per discrepancy. */
  async run(forMs: number): Promise<string[]> {
    const until = performance.now() + forMs;
    const load = new TortureLoad(this.ledger, this.#random);
    try {
      return await this.#killAndCompare(load, until);
    } finally {
      load.abandon();
    }
  }

  async #killAndCompare(load: TortureLoad, until: number): Promise<string[]> {
    do {
      const server = await this.#start();
      const wrong = this.ledger.discrepancies(await readCounts(server.url));
      if (wrong.length > 0) return wrong;
      load.resume(server.url);
      await sleep(LEAST_UP_MS + this.#random() * (MOST_UP_MS - LEAST_UP_MS));
      const ended = server.kill();
      load.pause();
      const how = await ended;
      if (!how.startsWith("SIGKILL")) return [`the server ended unexpectedly: ${how}`];
      this.kills++;
      await load.settle();
    } while (performance.now() < until);
    return await this.#finish(load);
  }

  async #finish(load: TortureLoad): Promise<string[]> {
    const server = await this.#start();
    load.resume(server.url);
    const late = sleep(END_MS, "late" as const, { ref: false });
    if ((await Promise.race([load.finish(), late])) === "late")
      return ["hits were resent for a minute without an acknowledgement"];
    const counts = await readCounts(server.url);
    await server.kill();
    const again = await this.#start();
    const recovered = await readCounts(again.url);
    const how = await again.stop();
    const changed = [...counts].filter(([name, count]) => recovered.get(name) !== count);
    return [
      ...this.ledger.discrepancies(counts),
      ...changed.map(([name, count]) => `${name}: ${count} before a second recovery, ${recovered.get(name)} after it`),
      ...(how.startsWith("status 0") ? [] : [`the server should have exited with status 0, but ended with ${how}`]),
      ...(await verify(this.#directory)),
    ];
  }

  #start(): Promise<TortureServer> {
    return TortureServer.start(this.#directory, (kill) => {
      this.kill = kill;
    });
  }
}

async function verify(directory: string): Promise<string[]> {
  let messages = "";
  const collect = () =>
    new Writable({
      write(chunk, _encoding, done) {
        messages += String(chunk);
        done();
      },
    });
  const status = await runWalCommand(["verify", "--dir", directory], {}, { stdout: collect(), stderr: collect() });
  return status === 0 ? [] : [`wal verify: ${messages.trim().replaceAll("\n", "; ")}`];
}

/** Returns a generator of numbers from 0 to 1 for a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
