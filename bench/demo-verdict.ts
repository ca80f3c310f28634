import type { DemoServer } from "./demo-server.js";
import { printEvent, printVerdict } from "./demo-table.js";
import type { Traffic } from "./demo-traffic.js";
import type { Watch } from "./demo-watch.js";
import { grouped } from "./table.js";

const SUCCESS = "no acknowledged hit was lost, and no more were counted than were sent";

interface Outcome {
  readonly server: DemoServer;
  readonly traffic: Traffic;
  readonly watch: Watch;
  /** True: nothing is pending any more. */
  readonly settled: boolean;
}

/** Prints the outcome, claim by claim. Returns whether all of them hold. */
export async function judge({ server, traffic, watch, settled }: Outcome): Promise<boolean> {
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
      watch.violations.length === 0,
      `the count never fell, and was never below the hits acknowledged ${watch.violations.slice(0, 3).join("; ")}`.trimEnd(),
    ],
    [
      unexpected.length === 0,
      `${grouped(refused)} hits were refused while the server was down; no other refusals ${unexpected[0] ?? ""}`.trimEnd(),
    ],
    [settled, `nothing is pending for MongoDB; up to ${grouped(watch.mostPending)} hits were`],
    [audit.status === 0, `the audit exited with status ${audit.status}: MongoDB has exactly what the log has`],
  ];
  for (const [isFine, text] of claims) printVerdict(isFine, text);
  if (watch.slowestWithoutMongoMs > 0)
    console.log(`      the slowest answer while MongoDB did not answer: ${grouped(watch.slowestWithoutMongoMs)} ms`);
  const isFine = claims.every(([holds]) => holds);
  console.log();
  const verdict = isFine ? SUCCESS : "something is wrong: see the lines marked WRONG";
  printVerdict(isFine, verdict);
  return isFine;
}

/** Returns a line for each counter that is not within the bounds of the ledger. */
function differences({ ledger }: Traffic, counts: ReadonlyMap<string, number>): string[] {
  const lines: string[] = [];
  for (const counter of new Set([...ledger.keys(), ...counts.keys()])) {
    const { acknowledged = 0, unanswered = 0 } = ledger.get(counter) ?? {};
    const count = counts.get(counter) ?? 0;
    if (count >= acknowledged && count <= acknowledged + unanswered) continue;
    lines.push(`${counter}: ${count} instead of ${acknowledged} to ${acknowledged + unanswered}`);
  }
  return lines;
}
