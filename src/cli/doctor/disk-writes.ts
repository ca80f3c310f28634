import { setTimeout as sleep } from "node:timers/promises";
import type { FileSystem } from "../../wal/file-system.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { PREPARED_NAME } from "../../wal/segment-name.js";
import { prepareSegment } from "../../wal/segment-writer.js";

const BLOCK = 4096;
const MAX_BYTES = 8 * 1024 * 1024;
const DURABLE_MS = 2000;
const PLAIN_MS = 500;
/** A disk that hangs must not make the doctor hang with it. */
const HANGS_MS = 5000;

/** How long writes of 4 KiB took, in milliseconds, ascending. */
export interface WriteTimes {
  readonly durable: readonly number[];
  readonly plain: readonly number[];
}

/**
 * Writes 4 KiB after 4 KiB as the log does, into space that was prepared and synced; then the same again without asking
 * for durability. At most 24 MiB go to the disk, into one file of 8 MiB (a quarter of what is free, where that is less).
 * "hangs": it did not end within five seconds.
 */
export async function measureWrites(scratch: LogDirectory, freeBytes: number): Promise<WriteTimes | "hangs"> {
  const size = Math.min(MAX_BYTES, Math.floor(freeBytes / 4 / BLOCK) * BLOCK);
  const measured = (async () => {
    await prepareSegment(scratch, size);
    const file = scratch.file(PREPARED_NAME);
    return { durable: await time(scratch.fs, file, size, true), plain: await time(scratch.fs, file, size, false) };
  })();
  measured.catch(() => undefined);
  return await Promise.race([measured, sleep(HANGS_MS, "hangs" as const, { ref: false })]);
}

async function time(fs: FileSystem, file: string, size: number, durable: boolean): Promise<number[]> {
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
