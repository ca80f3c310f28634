import { plural } from "../../model/text.js";
import { grouped } from "../terminal/text.js";
import type { Imported } from "./run-import.js";
import { sumOf } from "./tally.js";

type Result = Imported & { readonly seconds: number };

export function summaryJson({ input, target, log, tally, before, stopped, seconds }: Result) {
  return {
    input,
    target,
    log: log ?? null,
    finished: stopped === undefined,
    stopped: stopped ?? null,
    lines: tally.lines,
    before,
    counted: tally.counted,
    replayed: tally.replayed,
    maybeTwice: tally.maybeTwice,
    skipped: Object.fromEntries(tally.skipped),
    refused: Object.fromEntries(tally.refused),
    seconds: Number(seconds.toFixed(3)),
  };
}

export function* summaryText({ input, target, log, tally, before, stopped, seconds }: Result): Generator<string> {
  const verb = stopped === undefined ? "imported" : "imported a part of";
  yield `${verb} ${input} into ${target}${log === undefined ? "" : ` (log ${log})`}`;
  if (before > 0) yield `  before   ${grouped(before)} lines were already done`;
  const rate = Math.round(tally.lines / Math.max(0.001, seconds));
  yield `  lines    ${grouped(tally.lines)} in ${seconds.toFixed(1)} s, ${grouped(rate)} per second`;
  const replayed =
    tally.replayed > 0 ? `, ${grouped(tally.replayed)} of them had been counted before, by their ids` : "";
  yield `  counted  ${grouped(tally.counted)}${replayed}`;
  if (tally.skipped.size > 0) yield `  skipped  ${grouped(sumOf(tally.skipped))}: ${byReason(tally.skipped)}`;
  if (tally.refused.size > 0) yield `  refused  ${grouped(sumOf(tally.refused))}: ${byReason(tally.refused)}`;
  if (tally.maybeTwice > 0) {
    yield `  possibly counted twice: ${plural(tally.maybeTwice, "hit")} without an id, whose first response was lost`;
  }
}

function byReason(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([reason, count]) => `${reason} ${grouped(count)}`).join(", ");
}
