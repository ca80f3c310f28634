import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import type { Answer } from "../../../src/maintenance/ask-mongodb.js";
import { countHits } from "../../../src/maintenance/counts.js";
import { readHistory } from "../../../src/maintenance/log-history.js";
import { type RepairOptions, repairLog } from "../../../src/maintenance/repair/repair-log.js";
import { loadSnapshots, writeSnapshot } from "../../../src/projection/snapshot/snapshot.js";
import { Totals } from "../../../src/projection/totals.js";
import { HEADER_BYTES } from "../../../src/wal/format.js";
import { readMissingRanges } from "../../../src/wal/missing-ranges.js";
import { writeRegistration } from "../../../src/wal/registrations.js";
import { HitLog } from "../../projection/mongo/hit-log.js";
import { DIRECTORY, directoryOn, edit, flipBit, openLog, segments } from "../../support/log-files.js";
import type { Crash } from "../../support/memory-disk.js";
import type { MemoryFileSystem } from "../../support/memory-file-system.js";

/**
 * A crash explorer for repairs: at every moment at which the power may go, the disk is copied as it may be then. What is
 * left must never look complete and be too low; a server that starts on it changes nothing of that; and the next repair
 * comes to the same end.
 */
type Counts = Readonly<Record<string, number>>;

function repair(fs: MemoryFileSystem, slots: ReadonlyMap<string, { offset: number; count: number }>) {
  const answer: Answer = { slots };
  const options: RepairOptions = {
    directory: directoryOn(fs),
    ask: async () => answer,
    withoutMongodb: false,
    windowMs: 60_000,
    lock: async () => ({ release: async () => undefined }),
  };
  return repairLog(options);
}

async function counts(fs: MemoryFileSystem): Promise<{ incomplete: boolean; counts: Counts } | "halted"> {
  try {
    const { damage, counters } = await countHits(directoryOn(fs));
    const byName = counters.filter(({ count }) => count > 0).map(({ counter, count }) => [counter, count]);
    return { incomplete: damage.length > 0, counts: Object.fromEntries(byName.sort()) };
  } catch (error) {
    if (error instanceof HitsError && error.code === "OFFSET_GONE") return "halted";
    throw error;
  }
}

async function checkNotHidden(fs: MemoryFileSystem, expected: Counts, when: string): Promise<void> {
  const now = await counts(fs);
  const isWritten = (await readMissingRanges(directoryOn(fs))).ranges.length > 0;
  if (now !== "halted" && when.startsWith("everything")) {
    assert.ok(now.incomplete || isWritten, `${when}: what is lost is neither damage nor written down`);
  }
  if (now !== "halted" && !now.incomplete) assert.equal(now.counts, expected, `${when}: too low, and looks complete`);
  if (now === "halted") return;
  for (const [name, count] of Object.entries(now.counts)) assert.ok(count <= (expected[name] ?? 0), `${when}: ${name}`);
}

async function checkRepaired(fs: MemoryFileSystem, logId: string, expected: Counts, when: string): Promise<void> {
  assert.equal(await counts(fs), { incomplete: false, counts: expected }, when);
  const missing = await readMissingRanges(directoryOn(fs));
  assert.is(missing.firstUnsettled, Number.POSITIVE_INFINITY, when);
  assert.ok(missing.ranges.length > 0, `${when}: what is missing is written down`);
  const { counters } = await readHistory(directoryOn(fs), logId, { missing });
  for (const [name, count] of Object.entries(expected))
    assert.is(counters.get(name)?.total, count, `${when}: ${name}, recounted`);
}

/** All that was ever in the directory is there still, or in quarantine. */
function checkKept(fs: MemoryFileSystem, damaged: readonly Buffer[], when: string): void {
  const kept = [DIRECTORY, `${DIRECTORY}/quarantine`, `${DIRECTORY}/snapshots`, `${DIRECTORY}/projections`].flatMap(
    (folder) => fs.names(folder).map((name) => [folder, name] as const),
  );
  const contents = kept
    .filter(([folder, name]) => folder !== DIRECTORY || name.includes("."))
    .map(([folder, name]) => fs.content(`${folder}/${name}`));
  for (const bytes of damaged)
    assert.ok(
      contents.some((content) => content.includes(bytes)),
      `${when}: bytes are gone`,
    );
}

interface Damaged {
  readonly fs: MemoryFileSystem;
  readonly logId: string;
  readonly slots: ReadonlyMap<string, { offset: number; count: number }>;
  readonly expected: Counts;
  readonly bytes: readonly Buffer[];
}

async function snapshot(log: HitLog, below: number, counts: Counts, damage: object[] = []): Promise<string> {
  const totals = new Totals();
  for (const [name, count] of Object.entries(counts)) totals.add(totals.indexOf(name), count);
  const { id: logId, epoch, nonce } = log.log;
  const facts = { logId, epoch, nonce, offset: below, created: new Date().toISOString(), asOf: null, damage: [] };
  return await writeSnapshot(directoryOn(log.fs), {
    facts: { ...facts, damage: damage as never },
    image: totals.image(),
  });
}

/** Three epochs; damage in a batch, a header, at the newest end, in a snapshot, in a registration. */
async function everything(): Promise<Damaged> {
  const log = await HitLog.open();
  await log.hit("a", 1, 3);
  await log.hit("b", 5);
  await log.hit("a", 2);
  await log.reopen();
  await log.hit("c", 3, 2);
  await log.hit("b", 1);
  await log.reopen();
  await log.hit("d", 4);
  const { fs } = log;
  const end = (await log.hit("e", 9)) + 1;
  const { id: logId } = log;
  await log.log.close();
  const [first = "", second = "", third = ""] = segments(fs);
  const met = { file: first.slice(-24), byte: HEADER_BYTES, from: 0, to: 3, expected: "a batch", found: "none" };
  const lacking = await snapshot(log, end, { a: 2, b: 6, c: 6, d: 4, e: 9 }, [met]);
  const broken = await snapshot(log, 5, { a: 5, b: 5 });
  const registration = { name: "mongodb", offset: end, epoch: 3, nonce: log.log.nonce, updatedAt: "" };
  await writeRegistration(directoryOn(fs), registration);
  const bytes = [
    fs.content(first).subarray(HEADER_BYTES + 4, HEADER_BYTES + 40),
    fs.content(`${DIRECTORY}/snapshots/${lacking}`),
    fs.content(`${DIRECTORY}/snapshots/${broken}`).subarray(20),
    fs.content(`${DIRECTORY}/projections/mongodb.json`).subarray(1),
  ];
  flipBit(fs, first, HEADER_BYTES);
  flipBit(fs, second, 44);
  edit(fs, third, (content) => content.subarray(0, HEADER_BYTES + 60));
  flipBit(fs, `${DIRECTORY}/snapshots/${broken}`, 10);
  flipBit(fs, `${DIRECTORY}/projections/mongodb.json`, 0);
  const slots = new Map([["a", { offset: 3, count: 3 }]]);
  return { fs, logId, slots, expected: { a: 5, b: 6, c: 6, d: 4, e: 9 }, bytes };
}

/** No segment is left, and a snapshot has their totals. */
async function noSegments(): Promise<Damaged> {
  const log = await HitLog.open();
  await log.hit("a", 1, 3);
  await log.hit("b", 5);
  const { fs, id: logId } = log;
  await log.log.close();
  await snapshot(log, 4, { a: 3, b: 5 });
  for (const file of segments(fs)) fs.remove(file);
  return { fs, logId, slots: new Map(), expected: { a: 3, b: 5 }, bytes: [] };
}

/** The oldest segment and all snapshots are gone; MongoDB has their counts. */
async function noBeginning(): Promise<Damaged> {
  const log = await HitLog.open();
  await log.hit("a", 1, 3);
  await log.hit("b", 5);
  await log.reopen();
  await log.hit("a", 2);
  const { fs, id: logId } = log;
  await log.log.close();
  fs.remove(segments(fs)[0] ?? "");
  const slots = new Map([
    ["a", { offset: 4, count: 3 }],
    ["b", { offset: 4, count: 5 }],
  ]);
  return { fs, logId, slots, expected: { a: 5, b: 5 }, bytes: [] };
}

for (const [name, make] of Object.entries({ everything, noSegments, noBeginning })) {
  test(`${name}: a crash at each step of a repair`, async () => {
    const { fs, logId, slots, expected, bytes } = await make();
    const failures: unknown[] = [];
    let moments = 0;
    const survive = async (disk: MemoryFileSystem, when: string): Promise<void> => {
      checkKept(disk, bytes, when);
      await checkNotHidden(disk, expected, when);
      if (moments % 2 === 0) {
        // A server starts on it before anybody repairs.
        const { witnesses } = await loadSnapshots(directoryOn(disk));
        await (await openLog(disk, { witnesses })).close();
        await checkNotHidden(disk, expected, `${when}, opened`);
      }
      await repair(disk, slots);
      await checkRepaired(disk, logId, expected, when);
      checkKept(disk, bytes, when);
      assert.equal((await repair(disk, slots)).steps, [], `${when}: a second repair has nothing to do`);
      // What was found done may have been in the cache alone.
      await checkRepaired(disk.crash("lost"), logId, expected, `${when}, and a power cut after it`);
    };
    fs.moment = async (operation) => {
      moments++;
      // Zeros that are prepared ahead: one state of them is like another.
      if (operation.path.endsWith("prepared.tmp") && operation.kind === "write") return;
      const crashes: (Crash | "killed")[] = [moments % 3 === 0 ? { seed: moments } : "lost", "killed"];
      for (const crash of crashes) {
        const when = `${name}, moment ${moments} (${operation.kind} ${operation.path}), ${JSON.stringify(crash)}`;
        const disk = crash === "killed" ? fs.fork() : fs.crash(crash);
        await survive(disk, when).catch((error) => failures.push(error));
      }
    };
    await repair(fs, slots);
    fs.moment = () => undefined;
    await checkRepaired(fs, logId, expected, name);
    checkKept(fs, bytes, name);
    assert.ok(moments > 20, `${moments} moments`);
    if (failures.length > 0) throw failures[0];
  });
}

test.run();
