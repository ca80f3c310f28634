import { HitsError } from "../errors.js";
import type { LogDirectory } from "./log-directory.js";
import { PROJECTION_DIRECTORY } from "./segment-name.js";
import { readWholeFile, removeIfThere, replaceFile } from "./whole-file.js";

/**
 * The registration of a projection outside this process, in the log directory: a small, durable JSON file with its
 * checkpoint. Retention keeps what it still needs until it is removed.
 */
export interface Registration {
  readonly name: string;
  /** The first offset that the projection has not applied. */
  readonly offset: number;
  /** The epoch and nonce that this offset belongs to. */
  readonly epoch: number;
  readonly nonce: string;
  /** RFC 3339. */
  readonly updatedAt: string;
  /** The number of hits below the checkpoint, for the lag in hits. */
  readonly hits?: number;
  /** Counters that the projection could not apply, to be checked again after a restart. */
  readonly blocked?: readonly string[];
  /** The log's epochs that the projection has seen: their segments may be gone. */
  readonly epochs?: readonly { readonly epoch: number; readonly nonce: string }[];
}

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Registers a projection, or moves its checkpoint. Durable when it resolves. */
export async function writeRegistration(directory: LogDirectory, registration: Registration): Promise<void> {
  if (!NAME.test(registration.name)) {
    throw new HitsError(
      "INVALID_ARGUMENT",
      `"${registration.name}" is not a projection name: it must be 1 to 64 of a–z, 0–9 and -, and not begin with -`,
    );
  }
  await directory.makeFolder(PROJECTION_DIRECTORY);
  const text = `${JSON.stringify(registration, null, 2)}\n`;
  await replaceFile(directory.fs, fileOf(directory, registration.name), [Buffer.from(text)]);
}

/**
 * Reads all registrations. One that can't be read is returned by name with offset 0, so that nothing it may need is
 * deleted.
 */
export async function readRegistrations(directory: LogDirectory): Promise<(Registration & { damaged?: string })[]> {
  const found: (Registration & { damaged?: string })[] = [];
  for (const file of (await directory.listIfThere(PROJECTION_DIRECTORY)).sort()) {
    const name = file.endsWith(".json") ? file.slice(0, -".json".length) : "";
    if (!NAME.test(name)) continue;
    const text = (await readWholeFile(directory.fs, fileOf(directory, name))).toString("utf8");
    found.push(parse(name, text));
  }
  return found;
}

/** Removes a registration, so that retention keeps nothing for it any more. Throws `UNKNOWN_PROJECTION`. */
export async function removeRegistration(directory: LogDirectory, name: string): Promise<void> {
  const names = await directory.listIfThere(PROJECTION_DIRECTORY);
  if (!NAME.test(name) || !names.includes(`${name}.json`)) {
    const known = names.filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -".json".length));
    const registered = known.length === 0 ? "none is" : `registered: ${known.sort().join(", ")}`;
    throw new HitsError(
      "UNKNOWN_PROJECTION",
      `no projection "${name}" is registered in ${directory.path}; ${registered}`,
    );
  }
  await removeIfThere(directory.fs, fileOf(directory, name));
  await directory.sync(PROJECTION_DIRECTORY);
}

function fileOf(directory: LogDirectory, name: string): string {
  return directory.file(PROJECTION_DIRECTORY, `${name}.json`);
}

function parse(name: string, text: string): Registration & { damaged?: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "offset" in value && "epoch" in value && "nonce" in value) {
      const { offset, epoch, nonce } = value;
      const updatedAt = "updatedAt" in value && typeof value.updatedAt === "string" ? value.updatedAt : "";
      if (isCount(offset) && isCount(epoch) && typeof nonce === "string") {
        return { name, offset, epoch, nonce, updatedAt, ...details(value) };
      }
    }
  } catch {
    // Falls through: the kind of fault does not matter.
  }
  return { name, offset: 0, epoch: 0, nonce: "", updatedAt: "", damaged: "not a registration in JSON" };
}

function details(value: object): Pick<Registration, "hits" | "blocked" | "epochs"> {
  const found: { hits?: number; blocked?: string[]; epochs?: { epoch: number; nonce: string }[] } = {};
  if ("hits" in value && isCount(value.hits)) found.hits = value.hits;
  if ("blocked" in value && Array.isArray(value.blocked)) {
    found.blocked = value.blocked.filter((name: unknown) => typeof name === "string");
  }
  if ("epochs" in value && Array.isArray(value.epochs)) found.epochs = value.epochs.filter(isEpoch);
  return found;
}

function isEpoch(value: unknown): value is { epoch: number; nonce: string } {
  if (typeof value !== "object" || value === null || !("epoch" in value && "nonce" in value)) return false;
  return isCount(value.epoch) && typeof value.nonce === "string";
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
