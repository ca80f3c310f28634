import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Totals } from "../src/projection/totals.js";
import { describeDamage } from "../src/wal/damage.js";
import { BATCH_HEADER_BYTES, HEADER_BYTES } from "../src/wal/format.js";
import { Log } from "../src/wal/log.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import { encodeHits } from "../test/support/encode-hits.js";
import { counterNames } from "./counter-names.js";
import type { Part, Parts } from "./part.js";

const LOGS = [
  { name: "batches of 1,000 hits on 1,000 counters", batch: 1000, counters: 1000, hits: 500_000 },
  { name: "batches of 1,000 hits on 10 counters", batch: 1000, counters: 10, hits: 500_000 },
  { name: "batches of 10 hits on 1,000 counters", batch: 10, counters: 1000, hits: 50_000 },
];
const NAMES = counterNames(1000);

/** Reading a log and adding it up, against a loop over the same bytes in memory that checks nothing. */
export async function foldParts(directory: string): Promise<Parts> {
  const list: Part[] = [];
  const logs: Log[] = [];
  for (const [number, { name, batch, counters, hits }] of LOGS.entries()) {
    const log = await Log.open({
      directory: new LogDirectory(path.join(directory, `fold-${number}`)),
      segmentBytes: 64 * 2 ** 20,
      maxQueuedBytes: 2 ** 26,
    });
    logs.push(log);
    for (let at = 0; at < hits; at += batch) await appendBatch({ log, from: at, size: batch, counters });
    const bytes = batchesOf(log.directory.path);
    const expected = await readAndAddUp(log);
    if (expected !== hits || addUpRaw(bytes) !== hits)
      throw new Error("the raw loop and the log add up to different sums");
    list.push({
      name: `read and add up, ${name}`,
      units: hits,
      run: () => readAndAddUp(log),
      limit: { name: "raw loop over the same bytes", run: () => addUpRaw(bytes) },
    });
  }
  return {
    list,
    async close() {
      for (const log of logs) await log.close();
    },
  };
}

interface Appended {
  readonly log: Log;
  /** Which name comes first. */
  readonly from: number;
  readonly size: number;
  readonly counters: number;
}

function appendBatch({ log, from, size, counters }: Appended): Promise<void> {
  const hits = Array.from({ length: size }, (_, i) => ({ counter: NAMES[(from + i) % counters] ?? "", n: 1 }));
  return new Promise((resolve, reject) => {
    log.append({ bytes: encodeHits(hits), count: size, durable: () => resolve(), failed: reject });
  });
}

async function readAndAddUp(log: Log): Promise<number> {
  const totals = new Totals();
  const reader = log.reader(0);
  try {
    for (;;) {
      const step = await reader.next();
      if ("end" in step) return totals.sum;
      if ("damage" in step) throw new Error(`the log of this benchmark is damaged: ${describeDamage(step.damage)}`);
      totals.fold(step.batch);
    }
  } finally {
    await reader.close();
  }
}

/** Returns the batches of a log of one segment. */
function batchesOf(directory: string): Buffer {
  const [file = "", more] = readdirSync(directory).filter((name) => name.endsWith(".log"));
  if (more !== undefined) throw new Error("the log of this benchmark has more than one segment");
  const bytes = readFileSync(path.join(directory, file));
  let end = HEADER_BYTES;
  while (end + BATCH_HEADER_BYTES < bytes.length && bytes.readUInt32LE(end) !== 0) end += bytes.readUInt32LE(end + 4);
  return bytes.subarray(HEADER_BYTES, end);
}

/** Does only what cannot be left out: lengths of batches and records, a look-up of each name, and the sum. */
function addUpRaw(bytes: Buffer): number {
  const index = new Map<string, number>();
  const counts = new Float64Array(NAMES.length);
  const keys: number[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++] ?? 0;
      if (byte < 0x80) return value + byte * scale;
      value += (byte & 0x7f) * scale;
    }
  };
  while (at < bytes.length) {
    const end = at + bytes.readUInt32LE(at + 4);
    at += BATCH_HEADER_BYTES;
    let record = 0;
    while (at < end) {
      const length = varint();
      const next = at + length;
      const flags = bytes[at + 1] ?? 0;
      at += 2;
      let key: number | undefined;
      if (flags & 0x10) {
        key = keys[record - varint()];
      } else {
        const nameEnd = varint() + at;
        const name = bytes.toString("utf8", at, nameEnd);
        at = nameEnd;
        key = index.get(name);
        if (key === undefined) {
          key = index.size;
          index.set(name, key);
        }
      }
      keys[record++] = key ?? 0;
      counts[key ?? 0] = (counts[key ?? 0] ?? 0) + (flags & 1 ? varint() : 1);
      at = next;
    }
  }
  return counts.reduce((sum, count) => sum + count, 0);
}
