import type { LogDirectory } from "../wal/log-directory.js";
import { type Registration, readRegistrations, removeRegistration } from "../wal/registrations.js";
import { forEachSegment } from "./log-directory.js";

/** A projection that is forgotten, and the part of the log that retention kept for it. */
export interface Forgotten {
  readonly registration: (Registration & { readonly damaged?: string }) | undefined;
  readonly segments: number;
  readonly bytes: number;
}

/** Removes a projection's registration. Throws `UNKNOWN_PROJECTION`. */
export async function forgetProjection(directory: LogDirectory, name: string): Promise<Forgotten> {
  const registration = (await readRegistrations(directory)).find((one) => one.name === name);
  await removeRegistration(directory, name);
  return { registration, ...(await segmentsKeptFrom(directory, registration?.offset ?? 0)) };
}

/** Adds up the closed segments with offsets from `offset` on. The newest segment stays in any case. */
async function segmentsKeptFrom(directory: LogDirectory, offset: number) {
  const bases = await directory.segmentBases();
  let [segments, bytes] = [0, 0];
  await forEachSegment(directory, bases.at(-2), ({ baseOffset }, size) => {
    const next = bases.find((base) => base > baseOffset);
    if (next === undefined || next <= offset) return;
    segments++;
    bytes += size;
  });
  return { segments, bytes };
}
