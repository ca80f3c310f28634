/** One fixed workload on a real server, again and again from the same log, each time with another fault of the kernel. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { copySync, removeSync } from "fs-extra/esm";
import * as assert from "uvu/assert";
import { type Answer, allCounts, LedgerClient } from "./ledger-client.js";
import { LocalLog } from "./local-log.js";
import { type Ended, ServerProcess, temporaryDirectory } from "./server-process.js";
import { CALLS, type Call, type Injection, injecting, ONE_THREAD, readTrace, type Traced, tracing } from "./strace.js";

/** Ten of these fill the smallest segment. */
const PAYLOAD = JSON.stringify({ text: "x".repeat(6000) });
const COUNTERS = 3;
const HITS = 26;
/** No fault may take a server longer to answer or to end. */
const HUNG_MS = 20_000;

export interface FaultOutcome {
  readonly name: string;
  /** True if the server got as far as listening. */
  readonly listened: boolean;
  readonly answers: readonly Answer[];
  readonly ended: Ended;
  /** The call that the fault came at, as strace shows it; undefined where it came at none. */
  readonly at: string | undefined;
}

/** All calls of a run, or at most so many of each kind, evenly spread. */
export type Points = "all" | Readonly<Record<Call, number>>;

export class FaultRun {
  readonly directory = path.join(temporaryDirectory(), "wal");
  readonly #base = path.join(temporaryDirectory(), "base");
  readonly #output = path.join(temporaryDirectory(), "trace");
  readonly #environment = { WAL_DIR: this.directory, WAL_SEGMENT_BYTES: "64KiB", ...ONE_THREAD };
  #acknowledged: ReadonlyMap<string, number> = new Map();
  #trace: Traced | undefined;

  /** Makes the log that every run starts from, with three epochs, two snapshots and an unsealed end, and one run's trace. */
  static async prepare(): Promise<FaultRun> {
    const run = new FaultRun();
    const ledger = new LedgerClient();
    for (const last of [false, false, true]) {
      const server = await ServerProcess.start(run.#environment);
      for (let sent = 0; sent < 12; sent++) await ledger.hit(server.url, `page ${sent % COUNTERS}`, PAYLOAD);
      await (last ? server.kill() : server.stop());
    }
    assert.is(ledger.offsets.length, 36);
    run.#acknowledged = ledger.acknowledged;
    copySync(run.directory, run.#base);
    const { outcome } = await run.#workload(tracing(run.#output));
    assert.is(outcome.ended.status, 0, outcome.ended.stderr);
    run.#trace = readTrace(run.#output, run.directory);
    return run;
  }

  /** The calls of a run in which nothing fails. */
  get trace(): Traced {
    if (this.#trace === undefined) throw new Error("not prepared");
    return this.#trace;
  }

  /** Returns the number, among calls of its kind in that run, of the n-th call whose line has these texts. */
  indexOf(call: Call, texts: readonly string[], nth = 1): number {
    const lines = this.trace.lines.filter((line) => line.includes(` ${call}(`));
    const found = [...lines.entries()].filter(([, line]) => texts.every((text) => line.includes(text)));
    const [index] = found[nth - 1] ?? [];
    if (index === undefined) throw new Error(`there are ${found.length} ${call} with ${texts.join(" and ")}`);
    return index + 1;
  }

  /** Calls to put faults at. */
  points(points: Points): { call: Call; when: string }[] {
    return CALLS.flatMap((call) => {
      const count = this.trace.counts.get(call) ?? 0;
      const taken = points === "all" ? count : Math.min(count, points[call]);
      const step = taken > 1 ? (count - 1) / (taken - 1) : 0;
      return Array.from({ length: taken }, (_, at) => ({ call, when: String(1 + Math.round(at * step)) }));
    });
  }

  /**
   * The workload with one fault, then a start without any: acknowledged ≤ counted ≤ acknowledged + unknown, no damage, new
   * hits are taken, and a second start changes nothing.
   */
  async run(injection: Injection): Promise<FaultOutcome> {
    const { outcome, ledger } = await this.#workload(injecting(injection, this.trace.paths, this.#output), injection);
    const when = outcome.name;
    assert.equal(ledger.unexpected, [], when);
    const unknown = [...ledger.unanswered.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(unknown <= 1, `${when}: ${unknown} of hits that came one at a time are unknown`);

    const server = await ServerProcess.start(this.#environment);
    try {
      assert.equal(ledger.wrong(await allCounts(server.url)), [], when);
      const { log } = (await (await fetch(`${server.url}/status`)).json()) as { log: { damage: unknown[] } };
      assert.equal(log.damage, [], when);
      assert.is((await ledger.hit(server.url, "page 0", PAYLOAD)).outcome, "counted", when);
      const counted = await allCounts(server.url);
      await server.kill();
      assert.equal(await reopened(this.directory), counted, `${when}: a second start changes nothing`);
    } finally {
      await server.kill();
    }
    return outcome;
  }

  async #workload(
    before: readonly string[],
    injection?: Injection,
  ): Promise<{ outcome: FaultOutcome; ledger: LedgerClient }> {
    removeSync(this.directory);
    copySync(this.#base, this.directory);
    const ledger = new LedgerClient();
    for (const [counter, count] of this.#acknowledged) ledger.acknowledged.set(counter, count);
    const answers: Answer[] = [];
    const server = await inTime(ServerProcess.launch(this.#environment, before), "the start");
    const listened = server instanceof ServerProcess;
    let ended: Ended;
    if (listened) {
      try {
        for (let sent = 0; sent < HITS && answers.at(-1)?.outcome !== "unknown"; sent++) {
          answers.push(await inTime(ledger.hit(server.url, `page ${sent % COUNTERS}`, PAYLOAD), "an answer"));
        }
        ended = await inTime(server.stop(), "the end");
      } finally {
        server.child.kill("SIGKILL");
      }
    } else ended = server;
    const at = readFileSync(this.#output, "utf8")
      .split("\n")
      .filter((line) => line.includes("(INJECTED)") || (ended.signal === "SIGKILL" && line.includes("(")))
      .at(injection?.what.startsWith("signal=") === true ? -1 : 0);
    const name = injection === undefined ? "no fault" : `${injection.call} ${injection.what} ${injection.when}: ${at}`;
    return { outcome: { name, listened, answers, ended, at }, ledger };
  }
}

/** Opens the log in a directory once more, in this process; resolves to its counts. */
async function reopened(directory: string): Promise<Map<string, number>> {
  const opened = await LocalLog.open(directory);
  try {
    const counts = new Map<string, number>();
    for (const [name, index] of opened.local.totals?.names() ?? [])
      counts.set(name, opened.local.totals?.countAt(index) ?? 0);
    return counts;
  } finally {
    await opened.close();
  }
}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${HUNG_MS / 1000} s`)), HUNG_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
