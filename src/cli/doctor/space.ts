import { humanBytes } from "../../model/text.js";
import type { Finding } from "./finding.js";
import type { Probes } from "./probes.js";

/** Segments, snapshots and registrations are some files each; a log never needs many. */
const FEW_INODES = 1000;
const NO_INODES = 20;

export interface SpaceNeeds {
  readonly segmentBytes: number;
  /** Infinity: segments stay for ever. */
  readonly retentionBytes: number;
  /** What the log takes now. */
  readonly usedBytes: number;
}

/** Room for the log, and names. */
export function checkSpace(probes: Probes, directory: string, needs: SpaceNeeds): Finding[] {
  const volume = probes.volume(directory);
  if (volume === undefined) return [];
  const free = volume.bavail * volume.bsize;
  const findings = [judgeSpace(free, needs)];
  // Some file systems have no fixed number of them.
  if (volume.files > 0) findings.push(judgeInodes(volume.ffree));
  return findings;
}

function judgeSpace(free: number, { segmentBytes, retentionBytes, usedBytes }: SpaceNeeds): Finding {
  const check = "free space";
  const room = `${humanBytes(free)} free, the log takes ${humanBytes(usedBytes)}`;
  if (free < 2 * segmentBytes) {
    return {
      check,
      level: "problem",
      found: `${room}: less than two segments of ${humanBytes(segmentBytes)}, hits will be refused with DISK_FULL`,
      advice: "make room, or set a smaller WAL_SEGMENT_BYTES",
    };
  }
  if (retentionBytes === Number.POSITIVE_INFINITY) {
    const found = `${room}; WAL_RETENTION_BYTES=forever: it grows until the disk is full`;
    return { check, level: "note", found };
  }
  if (free + usedBytes < retentionBytes + 2 * segmentBytes) {
    return {
      check,
      level: "warning",
      found: `${room}; WAL_RETENTION_BYTES lets it grow to ${humanBytes(retentionBytes)}`,
      advice: "set a smaller WAL_RETENTION_BYTES, or make room",
    };
  }
  return { check, level: "ok", found: room };
}

function judgeInodes(free: number): Finding {
  const check = "inodes";
  const found = `${free} free`;
  if (free >= FEW_INODES) return { check, level: "ok", found };
  const level = free < NO_INODES ? "problem" : "warning";
  return { check, level, found: `${found}: no new file can be made without one`, advice: "remove small files" };
}
