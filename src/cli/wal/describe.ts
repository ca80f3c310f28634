import type { MisnamedSegment } from "../../maintenance/repair/plan.js";
import type { Step } from "../../maintenance/repair/steps.js";
import { type Finding, missingFinding } from "../../maintenance/verify/finding.js";
import type { LogNote } from "../../maintenance/walk-log.js";
import { plural } from "../../model/text.js";
import { describeDamage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";

/** Returns a finding as one line. */
export function describeFinding({ kind, file, byte, offset, expected, found }: Finding): string {
  return `${kind}: ${file} byte ${byte}, offset ${offset}: expected ${expected}, found ${found}`;
}

/** Returns what a walk over a log meets besides records as one line. */
export function describeNote(note: LogNote, { path }: LogDirectory): string {
  if (note === "waiting") return `no log in ${path} yet: waiting for one`;
  if ("damage" in note) return `damage: ${describeDamage(note.damage)}`;
  return describeFinding(missingFinding(note.missing));
}

/** Returns what a step does, without its file. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "header":
      return `its header written again: its batches pass the checksum of epoch ${step.epoch}, nothing of it is lost`;
    case "missing": {
      const { byte, from, to, expected, found } = step.range;
      const what = from === to ? "damage that concerns no record" : `offsets ${from} to ${to}`;
      const copied = `written down as missing, any bytes there copied to quarantine`;
      return `byte ${byte}: ${what} ${copied} (expected ${expected}, found ${found})`;
    }
    case "mend": {
      const source = step.source === "mongodb" ? "MongoDB" : "snapshots";
      return `${plural(step.hits, "hit")} of ${plural(step.counters, "counter")} restored from ${source}`;
    }
    case "mongodb": {
      const how = step.mongodb === "asked" ? "MongoDB was asked" : "MongoDB is no longer asked";
      return `${how}: its projection skips what is written down as missing`;
    }
    default: {
      if (step.why === undefined) return "made again with all that is known by now, the old one kept in quarantine";
      const after = step.kind === "registration" ? ", and registered again from offset 0" : "";
      return `moved to quarantine (${step.why})${after}`;
    }
  }
}

/** Returns what a person has to do about a misnamed segment. */
export function describeMisnamed({ file, named }: MisnamedSegment): string {
  return (
    `${file} has the name of another segment: its header has ${named}, which is missing or misnamed too. ` +
    "Stop the server, rename it, and run this again"
  );
}
