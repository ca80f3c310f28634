import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from "node:fs";
import path from "node:path";
import { ConfirmedCounts } from "../src/projection/confirmed-counts.js";
import { loadSnapshots, writeSnapshot } from "../src/projection/snapshot/snapshot.js";
import type { NewSnapshotFacts } from "../src/projection/snapshot/snapshot-format.js";
import { Totals } from "../src/projection/totals.js";
import { View } from "../src/projection/view.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import { SNAPSHOT_DIRECTORY } from "../src/wal/segment-name.js";
import { LocalLog } from "../test/support/local-log.js";
import { counterNames } from "./counter-names.js";
import type { Part, Parts } from "./part.js";

const COUNTERS = 100_000;
const LOOK_UPS = 1000;
const NAMES = counterNames(COUNTERS);

/** Snapshots of a hundred thousand counters, and looking up a counter. */
export async function projectionParts(directory: string): Promise<Parts> {
  const { log, local } = await LocalLog.open(path.join(directory, "local"));
  const totals = local.totals ?? new Totals();
  for (const name of NAMES) totals.add(totals.indexOf(name), 1);
  const look = (view: View) => () => {
    for (let i = 0; i < LOOK_UPS; i++) view.counter(NAMES[(i * 97) % COUNTERS] ?? "");
  };
  const limit = { name: "one look-up in a Map", run: mapLookUps() };
  const database = new ConfirmedCounts(totals, "2026-01-15T12:00:00.000Z", 2 * COUNTERS);
  database.markReady();
  return {
    list: [
      ...(await snapshotParts(path.join(directory, "snapshot"), totals)),
      { name: "view look-up, projecting", units: LOOK_UPS, run: look(new View(local, database)), limit },
      { name: "view look-up, local", units: LOOK_UPS, run: look(new View(local, undefined)), limit },
    ],
    close: () => log.close(),
  };
}

async function snapshotParts(directory: string, totals: Totals): Promise<Part[]> {
  const facts: Omit<NewSnapshotFacts, "offset"> = {
    logId: "abcdefghijklmnop",
    epoch: 1,
    nonce: "0123456789abcdef",
    created: "",
    asOf: null,
    damage: [],
  };
  let offset = 0;
  const write = () =>
    writeSnapshot(new LogDirectory(directory), { facts: { ...facts, offset: offset++ }, image: totals.image() });
  mkdirSync(directory);
  await write();
  const files = path.join(directory, SNAPSHOT_DIRECTORY);
  const bytes = readFileSync(path.join(files, readdirSync(files)[0] ?? ""));
  const raw = path.join(directory, "raw");
  return [
    {
      name: "snapshot of 100,000 counters, write",
      units: COUNTERS,
      run: write,
      limit: { name: "write, sync and rename of the same bytes", run: () => writeRaw(raw, bytes) },
    },
    {
      name: "snapshot of 100,000 counters, load",
      units: COUNTERS,
      run: () => loadSnapshots(new LogDirectory(directory)),
      limit: { name: "read the same bytes, names into a Map", run: () => readRaw(raw) },
    },
  ];
}

function writeRaw(file: string, bytes: Buffer): void {
  const fd = openSync(`${file}.new`, "w");
  writeSync(fd, bytes);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(`${file}.new`, file);
}

/** Reads the names of a snapshot, which follow two numbers per counter, into a map. */
function readRaw(file: string): number {
  const bytes = readFileSync(file);
  const index = new Map<string, number>();
  let at = 36 + bytes.readUInt32LE(12) + 16 * COUNTERS;
  for (let i = 0; i < COUNTERS; i++) {
    const end = at + 2 + bytes.readUInt16LE(at);
    index.set(bytes.toString("utf8", at + 2, end), i);
    at = end;
  }
  if (index.size !== COUNTERS) throw new Error("the snapshot of this benchmark was not read correctly");
  return index.size;
}

function mapLookUps(): () => number {
  const index = new Map(NAMES.map((name, i) => [name, i]));
  const counts = new Float64Array(COUNTERS).fill(1);
  return () => {
    let sum = 0;
    for (let i = 0; i < LOOK_UPS; i++) sum += counts[index.get(NAMES[(i * 97) % COUNTERS] ?? "") ?? 0] ?? 0;
    return sum;
  };
}
