import { type StoredHit, storedHits } from "../../hit/record.js";
import { rfc3339 } from "../../model/text.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import { printableJson } from "../terminal/text.js";
import type { Command, Invocation } from "./command.js";
import { walkLog } from "./walk-log.js";

export const catCommand: Command = {
  name: "cat",
  synopsis: "[--from N] [--to N] [--counter NAME] [--follow]",
  summary: "records, a JSON line each",
  options: ["from", "to", "counter", "follow"],
  help: `Prints a JSON line for each record, in the order of offsets, with or without --json:

  {"offset","at","counter","n","id","payload"}

  at is RFC 3339: the event's time where the client gave one, else when it was written. n is there where it is not 1,
  id and payload where the hit has them.

  --from N         begin at offset N (default: the oldest there is)
  --to N           end before offset N
  --counter NAME   only the hits of this counter
  --follow, -f     go on with what is written from now on, over restarts of the server, until Ctrl-C or --to; a log that
                   isn't there yet is waited for

Damage is a line on standard error, and so is what a repair has written down as missing; what lies behind it follows.
Exit status: 0; 1 where it can't be read, or retention has taken what --from asks for.`,

  async run(invocation) {
    const { follow, output } = invocation;
    await walkLog(invocation, follow ? invocation.interruption() : undefined, {
      batch: (batch) => printHits(batch, invocation),
      async say(line) {
        await output.flush();
        output.complain(line);
      },
      atEnd: () => output.flush(),
    });
    return 0;
  },
};

async function printHits(batch: LogBatch, { from = 0, to, counter, output }: Invocation): Promise<void> {
  for (const hit of storedHits(batch)) {
    if (hit.offset < from || (counter !== undefined && hit.counter !== counter)) continue;
    if (to !== undefined && hit.offset >= to) return;
    if (output.line(hitLine(hit))) await output.flush();
  }
}

/** A record as a line of JSON. */
export function hitLine(hit: StoredHit): string {
  let line = `{"offset":${hit.offset},"at":"${rfc3339(hit.at)}","counter":${JSON.stringify(hit.counter)}`;
  if (hit.n !== 1) line += `,"n":${hit.n}`;
  if (hit.id !== undefined) line += `,"id":${JSON.stringify(hit.id)}`;
  if (hit.payload !== undefined) line += `,"payload":${payloadJson(hit.payload)}`;
  return printableJson(`${line}}`);
}

/** A payload as JSON: the stored text, so that no number in it is rounded. What is no JSON object is shown as the text it is. */
export function payloadJson(payload: string): string {
  try {
    const value: unknown = JSON.parse(payload);
    // Line breaks of JSON lie between its parts, where a space says the same.
    if (typeof value === "object" && value !== null) return payload.replace(/[\r\n]/g, " ");
  } catch {
    // Falls through.
  }
  return JSON.stringify(payload);
}
