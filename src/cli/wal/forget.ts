import { checkLogDirectory, forEachSegment } from "../../maintenance/log-directory.js";
import { humanBytes, plural } from "../../model/text.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type Registration, readRegistrations, removeRegistration } from "../../wal/registrations.js";
import type { Command } from "./command.js";

export const forgetCommand: Command = {
  name: "forget",
  synopsis: "PROJECTION",
  summary: "releases what retention holds for a projection",
  options: [],
  operand: "PROJECTION",
  help: `Removes the registration of a projection, for good: retention no longer keeps what it has not applied. Do this where the
projection is not coming back; one that does registers again, and may then find that the log no longer goes back so far.
The server may be running. status lists the names.

  --json: {"forgotten","checkpoint","segments","bytes"}; how much of the log was held for it.
Exit status: 0; 1 where there is no such projection, or it could not be removed.`,

  async run({ directory, json, output, operand }) {
    await checkLogDirectory(directory);
    const known = (await readRegistrations(directory)).find(({ name }) => name === operand);
    await removeRegistration(directory, operand);
    const checkpoint = known?.offset ?? 0;
    const held = await heldFrom(directory, checkpoint);
    if (json) await output.json({ forgotten: operand, checkpoint, ...held });
    else await output.lines([released(operand, known, held)]);
    return 0;
  },
};

function released(
  name: string,
  known: (Registration & { readonly damaged?: string }) | undefined,
  held: { readonly segments: number; readonly bytes: number },
): string {
  const from = known?.damaged === undefined ? `offset ${known?.offset ?? 0}` : "the beginning (it was damaged)";
  const size = `${plural(held.segments, "segment")}, ${humanBytes(held.bytes)}`;
  return `forgot ${name}: the log from ${from} on (${size}) is no longer held for it`;
}

/** Closed segments that hold an offset from `offset` on: retention had to spare them. The newest stays in any case. */
async function heldFrom(directory: LogDirectory, offset: number) {
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
