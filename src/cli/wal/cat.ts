import { type StoredHit, storedHits } from "../../hit/record.js";
import { walkLog } from "../../maintenance/walk-log.js";
import { rfc3339 } from "../../model/text.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { Command, Invocation } from "./command.js";
import { describeNote } from "./describe.js";

export const catCommand: Command = {
  name: "cat",
  synopsis: "[--from N] [--to N] [--counter NAME] [--follow]",
  summary: "one JSON line per record",
  options: ["from", "to", "counter", "follow"],
  help: `Prints a JSON line for each record, in the order of offsets, with or without --json:

  {"offset","at","counter","n","id","payload"}

  at is RFC 3339: the event's time if the client sent one, else when it was written. n is present if it is not 1, id and
  payload if the hit has them.

  --from N         begin at offset N (default: the oldest in the log)
  --to N           end before offset N
  --counter NAME   only the hits of this counter
  --follow, -f     continue with what is written from now on, over restarts of the server, until Ctrl-C or --to; waits for
                   a log that does not exist yet

Damage is a line on standard error, and so is what a repair has written down as missing; the records after it follow.
Exit status: 0; 1 if it can't be read, or if retention has removed what --from asks for.`,

  async run(invocation) {
    const { directory, from, to, follow, output } = invocation;
    const signal = follow ? invocation.interruption() : undefined;
    await walkLog(
      { directory, from, to, follow, signal },
      {
        batch: (batch) => printHits(batch, invocation),
        async note(note) {
          await output.flush();
          output.writeMessage(describeNote(note, directory));
        },
        atEnd: () => output.flush(),
      },
    );
    return 0;
  },
};

async function printHits(batch: LogBatch, { from = 0, to, counter, output }: Invocation): Promise<void> {
  for (const hit of storedHits(batch)) {
    if (hit.offset < from || (counter !== undefined && hit.counter !== counter)) continue;
    if (to !== undefined && hit.offset >= to) return;
    if (output.addLine(hitLine(hit))) await output.flush();
  }
}

/** Returns a record as a line of JSON. */
function hitLine(hit: StoredHit): string {
  let line = `{"offset":${hit.offset},"at":"${rfc3339(hit.at)}","counter":${JSON.stringify(hit.counter)}`;
  if (hit.n !== 1) line += `,"n":${hit.n}`;
  if (hit.id !== undefined) line += `,"id":${JSON.stringify(hit.id)}`;
  if (hit.payload !== undefined) line += `,"payload":${payloadJson(hit.payload)}`;
  return `${line}}`;
}

/** Returns a payload as JSON: the stored text, so that no number in it is rounded; as a string if it is no JSON object. */
export function payloadJson(payload: string): string {
  try {
    const value: unknown = JSON.parse(payload);
    // Line breaks in JSON are between its parts, where a space means the same.
    if (typeof value === "object" && value !== null) return payload.replace(/[\r\n]/g, " ");
  } catch {
    // Falls through.
  }
  return JSON.stringify(payload);
}
