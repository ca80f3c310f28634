import { closeSync, constants, mkdtempSync, openSync, rmSync, write, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Bench } from "tinybench";
import { encodeHit, encodeHits } from "../src/hit-record.js";
import { writeSnapshot } from "../src/projection/snapshot.js";
import { Totals } from "../src/projection/totals.js";
import { describeDamage } from "../src/wal/damage.js";
import { Log } from "../src/wal/log.js";
import { LogReader } from "../src/wal/log-reader.js";
import { nodeFileSystem } from "../src/wal/node-file-system.js";
import { grouped, printTable } from "./table.js";

const HITS = Array.from({ length: 1000 }, (_, i) => ({ counter: `/blog/a-post/${i % 100}`, n: 1 }));

/** The parts by themselves, each beside what limits it: raw durable writes of this disk. */
export async function benchParts(): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "durable-hits-parts-"));
  try {
    const log = await Log.open({
      directory: path.join(directory, "log"),
      segmentBytes: 64 * 2 ** 20,
      maxQueuedBytes: 2 ** 28,
    });
    const record = encodeHit({ counter: "/blog/a-post/1", n: 1 });
    const append = () =>
      new Promise<void>((resolve, reject) => {
        log.append({ bytes: record, count: 1, durable: () => resolve(), failed: reject });
      });
    const appendMany = (count: number) => async () => {
      await Promise.all(Array.from({ length: count }, append));
    };
    const raw = rawWriter(path.join(directory, "raw"), 1000 * record.length);
    const totals = new Totals();
    for (let i = 0; i < 100_000; i++) totals.add(totals.indexOf(`/blog/a-post/${i}`), 1);
    let offset = 0;

    const bench = new Bench({ time: 1000, warmupTime: 200 })
      .add("1,000 | encode, as one request", () => void encodeHits(HITS))
      .add("1 | append, alone", appendMany(1))
      .add("64 | append, 64 in flight", appendMany(64))
      .add("1000 | append, 1,000 in flight", appendMany(1000))
      .add("1000 | raw durable write of the same bytes", () => raw.write())
      .add("100000 | snapshot of 100,000 counters", async () => {
        const facts = {
          logId: log.id,
          epoch: 1,
          nonce: log.nonce,
          offset: offset++,
          created: "",
          asOf: null,
          damage: [],
        };
        await writeSnapshot(nodeFileSystem, directory, facts, totals.image());
      });
    await bench.run();
    raw.close();
    await log.close();
    const rows = bench.tasks.map((task) => {
      const [count = "1", name = ""] = task.name.split(" | ");
      const rate = "throughput" in task.result ? task.result.throughput.p50 : Number.NaN;
      return [name, grouped(rate), grouped(rate * Number(count.replace(",", "")))];
    });
    rows.push(await readAndFold(path.join(directory, "log")));
    printTable(["part", "a second", "hits (counters) a second"], rows);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function readAndFold(directory: string): Promise<string[]> {
  const totals = new Totals();
  const reader = new LogReader({ fs: nodeFileSystem, directory, from: undefined });
  const started = performance.now();
  let hits = 0;
  for (;;) {
    const step = await reader.next();
    if ("end" in step) break;
    if ("damage" in step) throw new Error(`the log of this benchmark is damaged: ${describeDamage(step.damage)}`);
    totals.fold(step.batch);
    hits += step.batch.count;
  }
  await reader.close();
  return ["read, sync and fold the log that came about", "", grouped(hits / ((performance.now() - started) / 1000))];
}

/** Durable writes of so many bytes, one after another, into a file prepared for them. */
function rawWriter(file: string, bytes: number): { write(): Promise<void>; close(): void } {
  const size = 64 * 2 ** 20;
  writeFileSync(file, Buffer.alloc(size), { flush: true });
  const fd = openSync(file, constants.O_RDWR | (constants.O_DSYNC ?? constants.O_SYNC));
  const buffer = Buffer.alloc(bytes, 1);
  let at = 0;
  return {
    write: () =>
      new Promise((resolve, reject) => {
        write(fd, buffer, 0, bytes, at, (error) => (error ? reject(error) : resolve()));
        at = (at + bytes) % (size - bytes);
      }),
    close: () => closeSync(fd),
  };
}
