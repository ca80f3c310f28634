import { humanBytes } from "../../model/text.js";
import type { Finding, Probes } from "./check.js";

/** Segments, snapshots and registrations take a few files each; a log never needs many. */
const FEW_INODES = 1000;
const NO_INODES = 20;

export interface SpaceNeeds {
  readonly segmentBytes: number;
  /** Infinity: segments are kept forever. */
  readonly retentionBytes: number;
  /** The current size of the log. */
  readonly usedBytes: number;
}

/** Checks the space for the log, and the inodes. */
export function checkSpace(probes: Probes, directory: string, needs: SpaceNeeds): Finding[] {
  const volume = probes.volume(directory);
  if (volume === undefined) return [];
  const free = volume.bavail * volume.bsize;
  const findings = [judgeSpace(free, needs)];
  // 0: the file system has no fixed number of them.
  if (volume.files > 0) findings.push(judgeInodes(volume.ffree));
  return findings;
}

function judgeSpace(free: number, { segmentBytes, retentionBytes, usedBytes }: SpaceNeeds): Finding {
  const check = "free space";
  const space = `${humanBytes(free)} free, the log uses ${humanBytes(usedBytes)}`;
  if (free < 2 * segmentBytes) {
    return {
      check,
      level: "problem",
      found: `${space}: less than two segments of ${humanBytes(segmentBytes)}; hits will be refused with DISK_FULL`,
      advice: "free up space, or set a smaller WAL_SEGMENT_BYTES",
    };
  }
  if (retentionBytes === Number.POSITIVE_INFINITY) {
    const found = `${space}; WAL_RETENTION_BYTES=forever: it grows until the disk is full`;
    return { check, level: "note", found };
  }
  if (free + usedBytes < retentionBytes + 2 * segmentBytes) {
    return {
      check,
      level: "warning",
      found: `${space}; WAL_RETENTION_BYTES lets it grow to ${humanBytes(retentionBytes)}`,
      advice: "set a smaller WAL_RETENTION_BYTES, or free up space",
    };
  }
  return { check, level: "ok", found: space };
}

function judgeInodes(free: number): Finding {
  const check = "inodes";
  const found = `${free} free`;
  if (free >= FEW_INODES) return { check, level: "ok", found };
  const level = free < NO_INODES ? "problem" : "warning";
  return { check, level, found: `${found}: each new file needs one`, advice: "remove small files" };
}
