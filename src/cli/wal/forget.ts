import { checkLogDirectory, type Forgotten, forgetProjection } from "../../maintenance/log-directory.js";
import { humanBytes, plural } from "../../model/text.js";
import type { Command } from "./command.js";

export const forgetCommand: Command = {
  name: "forget",
  synopsis: "PROJECTION",
  summary: "releases what retention keeps for a projection",
  options: [],
  operand: "PROJECTION",
  help: `Removes the registration of a projection, for good: retention no longer keeps what it has not applied. Use it for a
projection that is not coming back; one that does registers again, and may then find that the log no longer goes back so far.
The server may be running. status lists the names.

  --json: {"forgotten","checkpoint","segments","bytes"}; how much of the log was kept for it.
Exit status: 0; 1 if there is no such projection, or it could not be removed.`,

  async run({ directory, json, output, operand }) {
    await checkLogDirectory(directory);
    const forgotten = await forgetProjection(directory, operand);
    const { registration, segments, bytes } = forgotten;
    if (json) await output.writeJson({ forgotten: operand, checkpoint: registration?.offset ?? 0, segments, bytes });
    else await output.writeLines([released(operand, forgotten)]);
    return 0;
  },
};

function released(name: string, { registration, segments, bytes }: Forgotten): string {
  const isDamaged = registration?.damaged !== undefined;
  const from = isDamaged ? "the beginning (it was damaged)" : `offset ${registration?.offset ?? 0}`;
  return `forgot ${name}: the log from ${from} on (${plural(segments, "segment")}, ${humanBytes(bytes)}) is no longer kept for it`;
}
