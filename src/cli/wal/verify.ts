import { checkLogDirectory } from "../../maintenance/log-directory.js";
import { retryOnRetention } from "../../maintenance/read-log.js";
import { isSound } from "../../maintenance/verify/finding.js";
import { type Verification, verifyLog } from "../../maintenance/verify/verify-log.js";
import { humanBytes, plural } from "../../model/text.js";
import type { Command } from "./command.js";
import { describeFinding } from "./describe.js";

export const verifyCommand: Command = {
  name: "verify",
  synopsis: "",
  summary: "reads every byte; one line per finding: file, byte, offset, expected, found",
  options: [],
  help: `Reads every byte of every segment, snapshot and registration. Prints a line for each finding, and a summary.

  damage         bytes of the log that are missing, wrong, or can't be decoded
  snapshot       a snapshot that is damaged, or proves records that the log does not have
  registration   a projection's registration that is damaged, or proves records that the log does not have
  missing        offsets that a repair has written down as missing. Sound, and always listed
  torn tail      bytes after the last valid batch, as a crash leaves them: never acknowledged. Sound
  leftover       the same after the end of a closed segment. Sound
  padding        bytes changed in the unused rest of a segment's header. Sound, but check the disk

What can't be detected: if nothing vouches for the log's end, a last batch that is flipped or zeroed looks like a torn tail.

  --json: {"sound","segments","records","bytes","snapshots","findings":[{"kind","file","byte","offset","expected","found"}]}
Exit status: 0 sound; 1 damaged, or it can't be read.`,

  async run({ directory, json, output }) {
    await checkLogDirectory(directory);
    const verification = await retryOnRetention(() => verifyLog(directory));
    if (json) await output.writeJson(document(verification));
    else await output.writeLines([...verification.findings.map(describeFinding), summary(verification)]);
    return verification.sound ? 0 : 1;
  },
};

function document({ sound, segments, records, bytes, snapshots, findings }: Verification) {
  const shown = findings.map(({ kind, file, byte, offset, expected, found }) => {
    return { kind, file, byte, offset, expected, found };
  });
  return { sound, segments, records, bytes, snapshots, findings: shown };
}

function summary({ sound, segments, records, bytes, snapshots, findings }: Verification): string {
  const read = [
    plural(segments, "segment"),
    plural(records, "record"),
    humanBytes(bytes),
    plural(snapshots, "snapshot"),
  ];
  const harmless = findings.filter(isSound).length;
  const damaged = findings.length - harmless;
  const notes = harmless === 0 ? "" : `; ${plural(harmless, "note")}`;
  return `${sound ? "sound" : `damaged: ${plural(damaged, "finding")}`}${notes} (${read.join(", ")} read)`;
}
