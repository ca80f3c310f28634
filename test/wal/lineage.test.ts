import { test } from "uvu";
import * as assert from "uvu/assert";
import { LogReader } from "../../src/wal/log-reader.js";
import { append, directoryOn, noContents, openLog, readAll, readOn } from "../support/log-files.js";
import { seeded } from "../support/memory-file.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { systemError } from "../support/memory-handle.js";

/**
 * One log through many lives: random groups, ends of all kinds (closed, killed, cut from power, a failed write), again
 * and again on what the one before left. What was acknowledged, or handed out by any reader, stays as it was for ever.
 */
async function live(seed: number, lives: number): Promise<void> {
  const random = seeded(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  let fs = new MemoryFileSystem({ durableWrites: seed % 2 === 0 });
  /** What the log owes: acknowledged, or shown. */
  const owed = new Map<number, string>();
  const attempted = new Set<string>();
  for (let life = 0; life < lives; life++) {
    const when = `seed ${seed}, life ${life}`;
    const highest = Math.max(-1, ...owed.keys());
    // A failure is met somewhere: at opening, while it runs, or never.
    let failed = false;
    let left = upTo(3) === 0 ? upTo(60) : Number.POSITIVE_INFINITY;
    fs.interfere((operation) => {
      if (operation.kind !== "write" && operation.kind !== "sync") return undefined;
      if (--left !== 0) return undefined;
      failed = true;
      return { error: systemError("EIO"), short: upTo((operation.bytes?.length ?? 0) + 1) };
    });
    const log = await openLog(fs, { segmentBytes: 64 * 1024 }).catch(() => undefined);
    if (log !== undefined) assert.equal(log.damage, [], when);
    const reader = new LogReader({ directory: directoryOn(fs), from: undefined });
    const shown = noContents();
    // The power goes at some write, half done or done.
    const cuts: MemoryFileSystem[] = [];
    const owedAtCut: Map<number, string>[] = [];
    fs.moment = () => {
      if (upTo(12) !== 0) return;
      const crash = (["lost", "kept", { seed: upTo(1e9) }, { seed: upTo(1e9) }] as const)[upTo(4)] ?? "lost";
      cuts.push(fs.crash(crash));
      owedAtCut.push(new Map([...owed, ...(failed ? [] : shown.records)]));
    };
    for (let wave = upTo(6); wave > 0 && log !== undefined; wave--) {
      const groups = Array.from({ length: 1 + upTo(4) }, async (_, g) => {
        const records = Array.from({ length: 1 + upTo(3) }, (_, r) =>
          `${life}.${wave}.${g}.${r}`.padEnd(upTo(6) === 0 ? upTo(90_000) : upTo(9000), "."),
        );
        for (const record of records) attempted.add(record);
        const first = await append(log, records);
        assert.ok(first > highest, `${when}: offset ${first} is not past ${highest}`);
        for (const [index, record] of records.entries()) owed.set(first + index, record);
      });
      await Promise.all(
        groups.map((group) =>
          group.catch((error) => {
            if (error instanceof assert.Assertion) throw error;
          }),
        ),
      );
      if (upTo(2) === 0) await readOn(reader, shown).catch(() => undefined);
    }
    if (!failed) for (const [offset, record] of shown.records) owed.set(offset, record);
    fs.moment = () => undefined;
    const end = upTo(4);
    if (end === 0) await log?.close();
    const cut = upTo(cuts.length);
    const crash = (["lost", "kept", { seed: upTo(1e9) }] as const)[upTo(3)] ?? "lost";
    const crashed = end === 2 ? fs.crash(crash) : undefined;
    const killed = fs.kill();
    fs = crashed ?? killed;
    if (end === 1 && cuts[cut] !== undefined) {
      fs = cuts[cut];
      owed.clear();
      for (const [offset, record] of owedAtCut[cut] ?? []) owed.set(offset, record);
    }
    const found = await readAll(fs).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return noContents();
    });
    assert.equal(found.damage, [], when);
    for (const [offset, record] of owed) {
      assert.is(found.records.get(offset), record, `${when}: offset ${offset} is lost or changed`);
    }
    for (const [offset, record] of found.records) {
      assert.ok(attempted.has(record), `${when}: offset ${offset} was never appended`);
      if (!failed || fs !== killed) owed.set(offset, record);
    }
    assert.is(new Set(found.records.values()).size, found.records.size, `${when}: a record twice`);
  }
}

const SEEDS = Number(process.env["LINEAGE_SEEDS"] ?? 60);
const FIRST = Number(process.env["LINEAGE_FIRST"] ?? 1);

test(`${SEEDS} logs through eight lives each`, async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) await live(seed, 8);
});

test.run();
