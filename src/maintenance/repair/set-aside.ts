import path from "node:path";
import type { Damage } from "../../wal/damage.js";
import { HEADER_BYTES } from "../../wal/format.js";
import { writeHeader } from "../../wal/header-repair.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { copyFileToQuarantine, copyToQuarantine, moveToQuarantine } from "../../wal/quarantine.js";
import { writeRegistration } from "../../wal/registrations.js";
import { segmentBases, segmentName } from "../../wal/segment-name.js";
import { SegmentReader } from "../../wal/segment-reader.js";
import { readWholeFile } from "../../wal/whole-file.js";
import type { DamagedFile, RepairPlan } from "./plan.js";

/** Copies the bytes of all damage to quarantine. Resolves to the path of each copy. */
export async function copyDamage(
  directory: LogDirectory,
  damage: readonly Damage[],
  when: string,
): Promise<Map<Damage, string | undefined>> {
  const copies = new Map<Damage, string | undefined>();
  for (const one of damage) {
    const bytes = await damagedBytes(directory, one);
    if (bytes === undefined) continue;
    const { file, from, to, expected, found } = one;
    const offsets = { from, to: to ?? from };
    const why = `expected ${expected}, found ${found}`;
    copies.set(one, await copyToQuarantine(directory, { file, bytes, offsets, why, when }));
  }
  return copies;
}

/** Returns the bytes that can't be read: up to the next batch that can, else to the last that isn't zero. */
async function damagedBytes(directory: LogDirectory, { file, byte, from, to }: Damage) {
  const [base] = segmentBases([file]);
  if (!(await directory.list()).includes(file)) return undefined;
  if (base === undefined) return { from: 0, to: (await readWholeFile(directory.fs, directory.file(file))).length };
  const segment = await SegmentReader.open(directory, base, { syncReads: false });
  try {
    const size = await segment.size();
    if (segment.header === undefined) return { from: 0, to: size };
    if (byte < HEADER_BYTES) return byte === 0 ? undefined : { from: 0, to: Math.min(size, HEADER_BYTES) };
    segment.moveTo({ byte, offset: from });
    const later = await segment.skipToLaterBatch(size, to ?? Number.MAX_SAFE_INTEGER);
    return { from: byte, to: later === "found" ? segment.byte : await segment.endOfContent(byte) };
  } finally {
    await segment.close();
  }
}

/** Writes headers again, once copies of the old ones are in quarantine. */
export async function rebuildHeaders(directory: LogDirectory, { headers }: RepairPlan, when: string): Promise<void> {
  for (const { baseOffset, header } of headers) {
    if (header === undefined) continue;
    const file = segmentName(baseOffset);
    const why = "a header that could not be read, and was written again";
    const bytes = { from: 0, to: Math.min(HEADER_BYTES, header.preparedSize) };
    await copyToQuarantine(directory, { file, bytes, offsets: undefined, why, when });
    await writeHeader(directory, header);
  }
}

/** Moves a damaged file out of the way. The list of missing ranges has been replaced by then. */
export async function setAside(directory: LogDirectory, { kind, file, why }: DamagedFile, when: string): Promise<void> {
  if (kind === "snapshot") await moveToQuarantine(directory, { file, why, when });
  else if (kind === "registration") {
    // Never without one: retention would remove what the projection may need before it registers again.
    await copyFileToQuarantine(directory, { file, why, when });
    const name = path.posix.basename(file, ".json");
    await writeRegistration(directory, { name, offset: 0, epoch: 0, nonce: "", updatedAt: when });
  }
}
