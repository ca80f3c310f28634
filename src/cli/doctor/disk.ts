import type { WriteTimes } from "./disk-writes.js";
import type { Finding } from "./finding.js";
import type { Probes } from "./probes.js";

/** Durable writes that take no more than so many times a plain one reach no disk: the quickest flash adds half as much. */
const NO_SYNC_RATIO = 1.25;
/** A disk at 7,200 turns a minute has a block under its head every 8.3 ms; one at 15,000 every 4. */
const ROTATION_MS = 2;
const SLOW_P50_MS = 15;
const SLOW_P99_MS = 100;
const STALL_MS = 1000;

/** What the kernel says of a block device. */
export interface Device {
  readonly rotational: boolean | undefined;
  /** `write back`: it has a cache that must be flushed; `write through`: it says that it has none. */
  readonly cache: string | undefined;
}

/** `device`: `MAJOR:MINOR`. A partition's queue is its disk's. */
export function deviceFacts(probes: Probes, device: string): Device {
  const queue = [`/sys/dev/block/${device}/queue`, `/sys/dev/block/${device}/../queue`];
  const read = (name: string) => queue.map((where) => probes.text(`${where}/${name}`)?.trim()).find((text) => text);
  const rotational = read("rotational");
  return { rotational: rotational === undefined ? undefined : rotational === "1", cache: read("write_cache") };
}

/** Whether a sync does something, and how long it takes. */
export function judgeWrites(times: WriteTimes | "hangs", device: Device): Finding[] {
  if (times === "hangs") {
    const found = "4 KiB written durably again and again did not end within 5 s: the disk hangs";
    return [
      {
        check: "sync",
        level: "problem",
        found,
        advice: "see dmesg and the disk's health; no hit can be taken like this",
      },
    ];
  }
  return [judgeSync(times, device), judgeLatency(times.durable)];
}

function judgeSync({ durable, plain }: WriteTimes, { rotational, cache }: Device): Finding {
  const check = "sync";
  const [slow, quick] = [percentile(durable, 50), percentile(plain, 50)];
  const rate = `${Math.round(1000 / mean(durable))} durable writes of 4 KiB a second, one after the other`;
  const times = `${shown(slow)} each, ${shown(quick)} without asking for durability`;
  const found = `${rate} (${times}${cache === undefined ? "" : `; cache: ${cache}`})`;
  // The quicker ones of both: a busy machine makes the others slow for reasons of its own.
  if (percentile(durable, 10) < NO_SYNC_RATIO * percentile(plain, 10)) {
    return {
      check,
      level: "problem",
      found: `${found}: a sync does nothing here, a power cut loses what was acknowledged`,
      advice:
        "put WAL_DIR on a disk that syncs; look for eatmydata, cache=unsafe of a virtual machine, a file system in memory",
    };
  }
  if (rotational === true && slow < ROTATION_MS) {
    return {
      check,
      level: "warning",
      found: `${found}: too quick for a rotating disk, which the device says to be; something caches writes`,
      advice:
        "make sure that this cache survives a power cut (a controller with a battery does). Virtual disks often say " +
        "that they rotate: then it is the host's to sync",
    };
  }
  return { check, level: "ok", found };
}

function judgeLatency(durable: readonly number[]): Finding {
  const check = "latency";
  const [p50, p90, p99, max] = [50, 90, 99, 100].map((p) => percentile(durable, p)) as [number, number, number, number];
  const found = `a durable write takes p50 ${shown(p50)}, p90 ${shown(p90)}, p99 ${shown(p99)}, max ${shown(max)} (${durable.length} writes)`;
  const advice = "look for what else writes to this disk (iostat -x), or give the log a disk of its own";
  if (max > STALL_MS || p99 > SLOW_P99_MS) {
    return { check, level: "warning", found: `${found}: every hit in such a moment waits as long`, advice };
  }
  if (p50 > SLOW_P50_MS) {
    return { check, level: "note", found: `${found}: each hit waits for one; many at once share it` };
  }
  return { check, level: "ok", found };
}

/** Of ascending times; 100 is the largest. */
export function percentile(times: readonly number[], p: number): number {
  return times[Math.max(0, Math.ceil((p / 100) * times.length) - 1)] ?? Number.NaN;
}

function mean(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}

function shown(milliseconds: number): string {
  return milliseconds < 1 ? `${Math.round(milliseconds * 1000)} µs` : `${milliseconds.toFixed(1)} ms`;
}
