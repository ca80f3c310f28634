import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { storedHits } from "../../../src/hit/record.js";
import type { Hit } from "../../../src/model/hit.js";
import { BATCH_HEADER_BYTES } from "../../../src/wal/format.js";
import { LogReader } from "../../../src/wal/log-reader.js";
import { readSegmentHeader } from "../../../src/wal/segment-header.js";
import { segmentName } from "../../../src/wal/segment-name.js";
import { LOCAL, recordAll } from "../../support/local-log.js";
import { MemoryFileSystem } from "../../support/memory-file-system.js";
import { DIRECTORY, directoryOn, openServer, SEGMENT_BYTES, type Server } from "../crash/server.js";

/** A batch's place in the log, and its hits by offset. A seal has none. */
export interface Batch {
  readonly segment: number;
  readonly byte: number;
  readonly endByte: number;
  readonly offset: number;
  readonly hits: readonly Hit[];
}

/** A log before anything happens to it. */
export interface Sample {
  readonly fs: MemoryFileSystem;
  readonly batches: readonly Batch[];
  /** Base offsets, oldest first. */
  readonly segments: readonly number[];
}

export interface SampleOptions {
  /** `killed`: the last batch is not sealed. `sealed amid`: a seal, and a batch after it. */
  readonly ends?: "closed" | "killed" | "sealed amid";
  /** Batches of hits in each of the three segments. */
  readonly batches?: number;
  readonly snapshot?: "none" | "before the last segment" | "of all";
  readonly payload?: string;
}

/** Three segments with small batches. Each hit has an n of its own, so that sums tell which hits are counted. */
export async function makeSample(options: SampleOptions = {}): Promise<Sample> {
  const { ends = "closed", batches = 3, snapshot = "none", payload } = options;
  const fs = new MemoryFileSystem({ durableWrites: true });
  let server = await openServer(fs);
  let n = 1;
  for (let segment = 0; segment < 3; segment++) {
    const isLast = segment === 2;
    if (isLast && snapshot === "before the last segment") await server.local.snapshot();
    for (let batch = 0; batch < batches; batch++) {
      if (isLast && ends === "sealed amid" && batch === batches - 1) await sealed(fs);
      const hits = [0, 1].map(
        (): Hit => ({ counter: `c${batch}`, n: n++, ...(payload === undefined ? {} : { payload }) }),
      );
      await recordAll(server.collector, hits);
    }
    if (isLast) break;
    if (segment === 0) {
      // The next segment is of the same epoch.
      await fill(server, fs);
    } else {
      await server.log.close();
      server = await openServer(fs);
    }
  }
  if (snapshot === "of all") await server.local.snapshot();
  if (ends === "closed") await server.log.close();
  return sampleOf(fs.kill().copy());
}

async function sampleOf(fs: MemoryFileSystem): Promise<Sample> {
  const batches = await readBatches(fs);
  return { fs, batches, segments: [...new Set(batches.map(({ segment }) => segment))] };
}

/** Appends a hit that fills the rest of the segment, so that the next one starts a new segment. */
async function fill({ collector }: Server, fs: MemoryFileSystem): Promise<void> {
  const end = (await readBatches(fs)).at(-1)?.endByte ?? 0;
  const pad = SEGMENT_BYTES - end - 3 * BATCH_HEADER_BYTES;
  await collector.record({ counter: "large", n: 1_000_000, payload: JSON.stringify({ pad: "x".repeat(pad) }) }, LOCAL);
}

/** Resolves once the last batch is a seal, which is written when the log has been idle for 200 ms. */
async function sealed(fs: MemoryFileSystem): Promise<void> {
  while ((await readBatches(fs)).at(-1)?.hits.length !== 0) await sleep(20);
}

export async function readBatches(fs: MemoryFileSystem): Promise<Batch[]> {
  const reader = new LogReader({ directory: directoryOn(fs), from: undefined });
  const batches: Batch[] = [];
  for (let step = await reader.next(); !("end" in step); step = await reader.next()) {
    if (!("batch" in step)) throw new Error(`damage: ${JSON.stringify(step)}`);
    const { segment, byte, endByte, baseOffset } = step.batch;
    batches.push({ segment, byte, endByte, offset: baseOffset, hits: [...storedHits(step.batch)] });
  }
  await reader.close();
  return batches;
}

export function fileOf(base: number): string {
  return path.join(DIRECTORY, segmentName(base));
}

/** A copy of the log in which one file is another: `change` gets its bytes, and changes them or gives others. */
export function changed(sample: Sample, base: number, change: (bytes: Buffer) => Buffer | undefined): MemoryFileSystem {
  const fs = sample.fs.copy();
  const bytes = fs.content(fileOf(base));
  fs.put(fileOf(base), change(bytes) ?? bytes);
  return fs;
}

export async function nonceOf(sample: Sample, base: number): Promise<string> {
  const decoded = await readSegmentHeader(directoryOn(sample.fs), base);
  if (!("header" in decoded)) throw new Error("no header");
  return decoded.header.nonce;
}
