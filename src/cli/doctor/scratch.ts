import { mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { describeError, HitsError } from "../../errors.js";

/** A log tolerates names that begin with a dot. */
const PREFIX = ".durable-hits-doctor-";
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A directory for the doctor's own files, on the file system of the log, that goes with it. */
export interface Scratch {
  readonly directory: string;
  /** Runs first when the process is told to end. */
  beforeEnd(work: () => void): void;
  remove(): void;
  /** The disk hangs: removes it without waiting for that. */
  abandon(): void;
}

/**
 * Makes one in the first of these directories that lets it. It is removed by `remove`, or when a signal ends the process.
 * Throws `LOG_DIRECTORY` where none can be written.
 */
export function makeScratch(places: readonly string[]): Scratch {
  const made = make(places);
  const works: (() => void)[] = [];
  const clean = () => {
    for (const work of works.splice(0)) work();
    rmSync(made, { recursive: true, force: true, maxRetries: 3 });
  };
  const listeners = Object.entries(SIGNALS).map(([signal, number]) => {
    const listener = () => {
      clean();
      process.exit(128 + number);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  process.on("exit", clean);
  const forget = () => {
    process.off("exit", clean);
    for (const stop of listeners) stop();
  };
  return {
    directory: made,
    beforeEnd: (work) => void works.push(work),
    remove() {
      clean();
      forget();
    },
    abandon() {
      forget();
      rm(made, { recursive: true, force: true }).catch(() => undefined);
    },
  };
}

function make(places: readonly string[]): string {
  let failure: unknown;
  for (const place of places) {
    try {
      return mkdtempSync(path.join(place, PREFIX));
    } catch (error) {
      failure = error;
    }
  }
  throw new HitsError("LOG_DIRECTORY", `no file can be made in ${places.join(" or ")} (${describeError(failure)})`);
}
