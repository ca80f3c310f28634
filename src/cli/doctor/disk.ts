import { setTimeout as sleep } from "node:timers/promises";
import type { FileSystem } from "../../wal/file-system.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { PREPARED_NAME } from "../../wal/segment-name.js";
import { prepareSegment } from "../../wal/segment-writer.js";
import type { Finding, Probes } from "./check.js";

const BLOCK = 4096;
const MAX_BYTES = 8 * 1024 * 1024;
const DURABLE_MS = 2000;
const PLAIN_MS = 500;
/** A disk that hangs must not make the doctor hang with it. */
const HANGS_MS = 5000;

/** The durations of writes of 4 KiB, in milliseconds, ascending. */
export interface WriteTimes {
  readonly durable: readonly number[];
  readonly plain: readonly number[];
}

/**
 * Writes blocks of 4 KiB as the log does, into space that was prepared and synced; then again without requesting durability.
 * Writes at most 24 MiB, into one file of 8 MiB (or a quarter of the free space, if that is less).
 * Resolves to "hangs" if this takes more than five seconds.
 */
export async function measureWrites(scratch: LogDirectory, freeBytes: number): Promise<WriteTimes | "hangs"> {
  const size = Math.min(MAX_BYTES, Math.floor(freeBytes / 4 / BLOCK) * BLOCK);
  const measured = (async () => {
    await prepareSegment(scratch, size);
    const timed = { fs: scratch.fs, file: scratch.file(PREPARED_NAME), size };
    return { durable: await timeWrites(timed, true), plain: await timeWrites(timed, false) };
  })();
  measured.catch(() => undefined);
  return await Promise.race([measured, sleep(HANGS_MS, "hangs" as const, { ref: false })]);
}

interface TimedFile {
  readonly fs: FileSystem;
  readonly file: string;
  readonly size: number;
}

async function timeWrites({ fs, file, size }: TimedFile, durable: boolean): Promise<number[]> {
  const handle = await fs.open(file, durable ? "durable" : "update");
  const block = Buffer.alloc(BLOCK, "durable-hits doctor\n");
  const times: number[] = [];
  try {
    const until = performance.now() + (durable ? DURABLE_MS : PLAIN_MS);
    for (let at = 0; at < size && performance.now() < until; at += BLOCK) {
      const started = performance.now();
      await handle.write(block, 0, BLOCK, at);
      if (durable && !handle.writesAreDurable) await handle.sync();
      times.push(performance.now() - started);
    }
  } finally {
    await handle.close();
  }
  return times.sort((a, b) => a - b);
}

/** Durable writes that take less than this multiple of plain ones reach no disk: even the fastest flash adds half as much. */
const NO_SYNC_RATIO = 1.25;
/** The least duration of a durable write on a rotating disk: a block passes the head every 8.3 ms at 7,200 rpm, every 4 at 15,000. */
const ROTATION_MS = 2;
const SLOW_P50_MS = 15;
const SLOW_P99_MS = 100;
const STALL_MS = 1000;

/** The kernel's facts about a block device. */
export interface Device {
  readonly rotational: boolean | undefined;
  /** `write back`: it has a cache that must be flushed; `write through`: it reports none. */
  readonly cache: string | undefined;
}

/** Reads the facts about a device (`MAJOR:MINOR`). A partition's queue is its disk's. */
export function deviceFacts(probes: Probes, device: string): Device {
  const queue = [`/sys/dev/block/${device}/queue`, `/sys/dev/block/${device}/../queue`];
  const read = (name: string) => queue.map((where) => probes.text(`${where}/${name}`)?.trim()).find((text) => text);
  const rotational = read("rotational");
  return { rotational: rotational === undefined ? undefined : rotational === "1", cache: read("write_cache") };
}

/** Judges whether a sync has an effect, and how long it takes. */
export function judgeWrites(times: WriteTimes | "hangs", device: Device): Finding[] {
  if (times === "hangs") {
    const found = "repeated durable writes of 4 KiB did not finish within 5 s: the disk hangs";
    return [
      {
        check: "sync",
        level: "problem",
        found,
        advice: "see dmesg and the disk's health; no hit can be accepted like this",
      },
    ];
  }
  return [judgeSync(times, device), judgeLatency(times.durable)];
}

function judgeSync({ durable, plain }: WriteTimes, { rotational, cache }: Device): Finding {
  const check = "sync";
  const [slow, quick] = [percentile(durable, 50), percentile(plain, 50)];
  const rate = `${Math.round(1000 / mean(durable))} sequential durable writes of 4 KiB per second`;
  const times = `${duration(slow)} each, ${duration(quick)} without requesting durability`;
  const found = `${rate} (${times}${cache === undefined ? "" : `; cache: ${cache}`})`;
  // The faster writes of both: others may be slow only because the machine is busy.
  if (percentile(durable, 10) < NO_SYNC_RATIO * percentile(plain, 10)) {
    return {
      check,
      level: "problem",
      found: `${found}: a sync has no effect here, and a power cut loses acknowledged hits`,
      advice:
        "put WAL_DIR on a disk that syncs; look for eatmydata, cache=unsafe of a virtual machine, or a file system in memory",
    };
  }
  if (rotational === true && slow < ROTATION_MS) {
    return {
      check,
      level: "warning",
      found: `${found}: too fast for a rotating disk, which the device claims to be; something caches writes`,
      advice:
        "make sure that this cache survives a power cut (a controller with a battery does). Virtual disks often claim " +
        "to rotate: then check the host",
    };
  }
  return { check, level: "ok", found };
}

function judgeLatency(durable: readonly number[]): Finding {
  const check = "latency";
  const [p50, p90, p99, max] = [50, 90, 99, 100].map((p) => percentile(durable, p)) as [number, number, number, number];
  const found = `a durable write takes p50 ${duration(p50)}, p90 ${duration(p90)}, p99 ${duration(p99)}, max ${duration(max)} (${durable.length} writes)`;
  const advice = "find out what else writes to this disk (iostat -x), or give the log a disk of its own";
  if (max > STALL_MS || p99 > SLOW_P99_MS) {
    return { check, level: "warning", found: `${found}: every hit at such a moment waits that long`, advice };
  }
  if (p50 > SLOW_P50_MS) {
    return { check, level: "note", found: `${found}: each hit waits for one; concurrent hits share it` };
  }
  return { check, level: "ok", found };
}

/** Returns a percentile of ascending times; 100 is the largest. */
export function percentile(times: readonly number[], p: number): number {
  return times[Math.max(0, Math.ceil((p / 100) * times.length) - 1)] ?? Number.NaN;
}

function mean(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}

function duration(milliseconds: number): string {
  return milliseconds < 1 ? `${Math.round(milliseconds * 1000)} µs` : `${milliseconds.toFixed(1)} ms`;
}
