import { plural } from "../../model/text.js";
import type { MissingRange } from "../../wal/missing-ranges.js";
import { segmentName } from "../../wal/segment-name.js";
import type { Assessment } from "./assess.js";
import type { RepairPlan } from "./plan.js";
import { NOTHING_RESTORED, type RestoredRecord } from "./restored-records.js";

/** One thing that a repair does, or would do. */
export interface Step {
  readonly kind: "header" | "missing" | "mend" | "snapshot" | "registration" | "list" | "mongodb";
  readonly file: string | null;
  readonly detail: string;
}

/** What there is to do about a log, in words, in the order in which it is done. */
export function stepsOf(plan: RepairPlan, ranges: readonly MissingRange[], assessment: Assessment | undefined): Step[] {
  const steps: Step[] = [];
  for (const { baseOffset, header } of plan.headers) {
    const detail = `its header written anew: its batches pass the checksum of epoch ${header?.epoch}, nothing of it is lost`;
    steps.push({ kind: "header", file: segmentName(baseOffset), detail });
  }
  for (const range of ranges) steps.push(missingStep(range));
  const { records, lacking } = assessment?.restoration ?? NOTHING_RESTORED;
  for (const source of ["snapshot", "mongodb"] as const) {
    const own = records.filter((record) => record.source === source);
    if (own.length > 0) steps.push({ kind: "mend", file: null, detail: restoredText(own, source) });
  }
  for (const name of new Set([...lacking, ...plan.healed])) {
    const detail = "made anew with all that is known by now, the old one kept in quarantine";
    steps.push({ kind: "snapshot", file: `snapshots/${name}`, detail });
  }
  for (const { kind, file, why } of plan.files) {
    const after = kind === "registration" ? ", and registered anew from offset 0" : "";
    steps.push({ kind, file, detail: `taken to quarantine (${why})${after}` });
  }
  const waits = plan.missing.firstUnsettled < Number.POSITIVE_INFINITY;
  if (waits && (assessment?.mongodb === "asked" || assessment?.mongodb === "waived")) {
    const how = assessment.mongodb === "asked" ? "MongoDB was asked" : "MongoDB is not asked any more";
    steps.push({
      kind: "mongodb",
      file: null,
      detail: `${how}: its projection passes what is written down as missing`,
    });
  }
  return steps;
}

function missingStep({ file, byte, from, to, expected, found }: MissingRange): Step {
  const what = from === to ? "damage that concerns no record" : `offsets ${from} to ${to}`;
  const detail = `byte ${byte}: ${what} written down as missing, what bytes there are copied to quarantine (expected ${expected}, found ${found})`;
  return { kind: "missing", file, detail };
}

function restoredText(records: readonly RestoredRecord[], source: RestoredRecord["source"]): string {
  const hits = records.reduce((sum, { n }) => sum + n, 0);
  const counters = new Set(records.map(({ counter }) => counter)).size;
  const who = source === "mongodb" ? "MongoDB still has" : "snapshots still have";
  return `${plural(hits, "hit")} of ${plural(counters, "counter")} brought back, which ${who}`;
}
