import { mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { describeError, HitsError } from "../../errors.js";

/** A log ignores names that begin with a dot. */
const PREFIX = ".durable-hits-doctor-";
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A temporary directory for the doctor's own files, on the file system of the log. */
export interface Scratch {
  readonly directory: string;
  /** Registers work to run before removal, also when a signal ends the process. */
  beforeRemoval(work: () => void): void;
  remove(): void;
  /** Removes it without waiting, since the disk hangs. */
  abandon(): void;
}

/**
 * Makes one in the first of these directories that is writable. It is removed by `remove`, or when a signal ends the process.
 * Throws `LOG_DIRECTORY` if none is writable.
 */
export function makeScratch(places: readonly string[]): Scratch {
  let directory: string | undefined;
  const works: (() => void)[] = [];
  const clean = () => {
    for (const work of works.splice(0)) work();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  };
  // Before it is made: a signal in between would leave it.
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
  try {
    directory = make(places);
  } catch (error) {
    forget();
    throw error;
  }
  const made = directory;
  return {
    directory: made,
    beforeRemoval: (work) => void works.push(work),
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
  throw new HitsError("LOG_DIRECTORY", `cannot create a file in ${places.join(" or ")} (${describeError(failure)})`);
}
