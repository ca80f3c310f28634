import type { DemoServer } from "./demo-server.js";
import { printEvent, printVerdict } from "./demo-table.js";
import type { Traffic } from "./demo-traffic.js";
import type { Watch } from "./demo-watch.js";
import { grouped } from "./table.js";

const FINE = "no acknowledged hit was lost, and no more was counted than was sent";

interface Story {
  readonly server: DemoServer;
  readonly traffic: Traffic;
  readonly watch: Watch;
  /** Nothing is pending any more. */
  readonly settled: boolean;
}

/** Says what came of it, claim by claim; whether all of them hold. */
export async function judge({ server, traffic, watch, settled }: Story): Promise<boolean> {
  const { refused, unexpected } = traffic;
  const { acknowledged, unanswered } = traffic.total;
  const figures = await server.figures();
  const counted = figures?.counted ?? 0;
  const audit = await server.audit();
  printEvent("durable-hits wal audit");
  console.log(audit.output);
  printEvent("the ledger");
  const most = acknowledged + unanswered;
  const off = differences(traffic, figures?.counts ?? new Map());
  const claims: [boolean, string][] = [
    [
      counted >= acknowledged && counted <= most,
      `${grouped(acknowledged)} acknowledged <= ${grouped(counted)} counted <= ${grouped(most)} acknowledged or unanswered`,
    ],
    [off.length === 0, `the same holds for each of the ${traffic.ledger.size} counters ${off.join("; ")}`.trimEnd()],
    [
      watch.wrong.length === 0,
      `the count never fell, and never was below what was acknowledged ${watch.wrong.slice(0, 3).join("; ")}`.trimEnd(),
    ],
    [
      unexpected.length === 0,
      `${grouped(refused)} found no server while it was down; no other refusals ${unexpected[0] ?? ""}`.trimEnd(),
    ],
    [settled, `nothing is pending in MongoDB; up to ${grouped(watch.mostPending)} hits were`],
    [audit.status === 0, `the audit ended with status ${audit.status}: MongoDB has exactly what the log says`],
  ];
  for (const [isFine, text] of claims) printVerdict(isFine, text);
  if (watch.slowestWithoutMongoMs > 0)
    console.log(`      the slowest answer while MongoDB gave none: ${grouped(watch.slowestWithoutMongoMs)} ms`);
  const isFine = claims.every(([holds]) => holds);
  console.log();
  const verdict = isFine ? FINE : "something is wrong, see above";
  printVerdict(isFine, verdict);
  return isFine;
}

/** Counters that are not within the bounds of the ledger, as lines. */
function differences({ ledger }: Traffic, counts: ReadonlyMap<string, number>): string[] {
  const lines: string[] = [];
  for (const counter of new Set([...ledger.keys(), ...counts.keys()])) {
    const { acknowledged = 0, unanswered = 0 } = ledger.get(counter) ?? {};
    const count = counts.get(counter) ?? 0;
    if (count >= acknowledged && count <= acknowledged + unanswered) continue;
    lines.push(`${counter}: ${count}, not ${acknowledged} to ${acknowledged + unanswered}`);
  }
  return lines;
}
