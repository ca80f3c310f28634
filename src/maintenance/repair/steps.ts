import type { MissingRange } from "../../wal/missing-ranges.js";
import { segmentName } from "../../wal/segment-name.js";
import type { Assessment } from "./assess.js";
import type { DamagedFile, RepairPlan } from "./plan.js";
import { NOTHING_RESTORED, type RestorableHits } from "./restored-records.js";

/** One thing that a repair does, or would do. */
export type Step =
  /** A header is written again, of this epoch. */
  | { readonly kind: "header"; readonly file: string; readonly epoch: number }
  /** Records are written down as missing. */
  | { readonly kind: "missing"; readonly file: string; readonly range: MissingRange }
  /** Records are restored. */
  | {
      readonly kind: "mend";
      readonly file: null;
      readonly source: RestorableHits["source"];
      readonly hits: number;
      readonly counters: number;
    }
  /** A snapshot is made again. */
  | { readonly kind: "snapshot"; readonly file: string; readonly why: undefined }
  /** A damaged file is moved to quarantine. */
  | { readonly kind: DamagedFile["kind"]; readonly file: string; readonly why: string }
  /** The projection into MongoDB skips what is missing. */
  | { readonly kind: "mongodb"; readonly file: null; readonly mongodb: "asked" | "waived" };

/** Returns a step for each header. */
export function headerSteps(headers: RepairPlan["headers"]): Step[] {
  return headers.map(({ baseOffset, header }) => {
    return { kind: "header", file: segmentName(baseOffset), epoch: header?.epoch ?? 0 };
  });
}

/** Returns a step for each range. */
export function missingSteps(ranges: readonly MissingRange[]): Step[] {
  return ranges.map((range) => ({ kind: "missing", file: range.file, range }));
}

/** Returns the steps for a log, in the order in which they are done. */
export function stepsOf(plan: RepairPlan, ranges: readonly MissingRange[], assessment: Assessment | undefined): Step[] {
  const steps = [...headerSteps(plan.headers), ...missingSteps(ranges)];
  const { records, lacking } = assessment?.restoration ?? NOTHING_RESTORED;
  for (const source of ["snapshot", "mongodb"] as const) {
    const own = records.filter((record) => record.source === source);
    if (own.length === 0) continue;
    const hits = own.reduce((sum, { n }) => sum + n, 0);
    steps.push({ kind: "mend", file: null, source, hits, counters: new Set(own.map(({ counter }) => counter)).size });
  }
  for (const name of new Set([...lacking, ...plan.healed])) {
    steps.push({ kind: "snapshot", file: `snapshots/${name}`, why: undefined });
  }
  steps.push(...plan.files);
  const waits = plan.missing.firstUnsettled < Number.POSITIVE_INFINITY;
  const mongodb = assessment?.mongodb;
  if (waits && (mongodb === "asked" || mongodb === "waived")) steps.push({ kind: "mongodb", file: null, mongodb });
  return steps;
}
