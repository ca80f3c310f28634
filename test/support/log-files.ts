import path from "node:path";
import { HitsError } from "../../src/errors.js";
import type { Damage } from "../../src/wal/damage.js";
import type { FileSystem } from "../../src/wal/file-system.js";
import type { RecordGroup } from "../../src/wal/group-commit.js";
import { Log, type LogOptions } from "../../src/wal/log.js";
import { LogDirectory } from "../../src/wal/log-directory.js";
import { LogReader } from "../../src/wal/log-reader.js";
import { segmentName } from "../../src/wal/segment-name.js";
import type { LogBatch } from "../../src/wal/segment-reader.js";
import { VarintReader, varintBytes, writeVarint } from "../../src/wal/varint.js";
import { MemoryFileSystem } from "./memory-file-system.js";

/** Building logs of opaque records on the file system in memory, reading them whole, and damaging their files. */

export const DIRECTORY = "/log";
export const directoryOn = (fs: FileSystem) => new LogDirectory(DIRECTORY, fs);
export const SMALL_SEGMENT = 64 * 1024;

export function openLog(fs: MemoryFileSystem, options: Partial<LogOptions> = {}): Promise<Log> {
  return Log.open({
    directory: directoryOn(fs),
    segmentBytes: SMALL_SEGMENT,
    maxQueuedBytes: 64 * 1024 * 1024,
    lock: async () => ({ release: async () => undefined }),
    ...options,
  });
}

/** Returns records as the log takes them: each after its varint length. */
export function encodeRecords(records: readonly string[]): Buffer {
  const parts = records.map((record) => Buffer.from(record, "utf8"));
  const bytes = Buffer.alloc(parts.reduce((sum, part) => sum + varintBytes(part.length) + part.length, 0));
  let at = 0;
  for (const part of parts) {
    at = writeVarint(bytes, at, part.length);
    at += part.copy(bytes, at);
  }
  return bytes;
}

/** Appends records as one group; resolves to the first offset once they are acknowledged. */
export function append(log: { append(group: RecordGroup): void }, records: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    log.append({ bytes: encodeRecords(records), count: records.length, durable: resolve, failed: reject });
  });
}

/** Appends each as a batch of its own: waits for one before the next. */
export async function appendEach(log: Log, records: readonly string[]): Promise<number[]> {
  const offsets: number[] = [];
  for (const record of records) offsets.push(await append(log, [record]));
  return offsets;
}

export function recordsOf(batch: LogBatch): string[] {
  const reader = new VarintReader(batch.buffer, batch.recordsStart, batch.recordsEnd);
  const records: string[] = [];
  while (reader.position < reader.end) {
    const length = reader.next();
    if (!reader.ok || reader.position + length > reader.end) throw new Error("a record's length is wrong");
    records.push(batch.buffer.toString("utf8", reader.position, reader.position + length));
    reader.position += length;
  }
  if (records.length !== batch.count) throw new Error(`${records.length} records in a batch of ${batch.count}`);
  return records;
}

export interface Contents {
  readonly records: Map<number, string>;
  readonly damage: Damage[];
  readonly batches: { byte: number; endByte: number; segment: number; count: number; epoch: number }[];
}

/** All that a reader hands out up to the end there is now. Throws for an offset that comes twice or goes back. */
export async function readOn(reader: LogReader, into: Contents = noContents()): Promise<Contents> {
  let last = Math.max(-1, ...into.records.keys());
  for (;;) {
    const step = await reader.next();
    if ("end" in step) return into;
    if ("damage" in step) {
      into.damage.push(step.damage);
      continue;
    }
    const { byte, endByte, segment, count, epoch } = step.batch;
    into.batches.push({ byte, endByte, segment, count, epoch });
    for (const [index, record] of recordsOf(step.batch).entries()) {
      const offset = step.batch.baseOffset + index;
      if (offset <= last) throw new Error(`offset ${offset} after ${last}`);
      last = offset;
      into.records.set(offset, record);
    }
  }
}

export function noContents(): Contents {
  return { records: new Map(), damage: [], batches: [] };
}

/** Everything in the log, as another process reads it. */
export async function readAll(fs: MemoryFileSystem, from?: number): Promise<Contents> {
  const reader = new LogReader({ directory: directoryOn(fs), from });
  try {
    return await readOn(reader);
  } finally {
    await reader.close();
  }
}

/** A log with one closed writer, whose batches hold one record each. */
export async function smallLog(records: readonly string[], options: { durableWrites?: boolean } = {}) {
  const fs = new MemoryFileSystem({ durableWrites: options.durableWrites ?? true });
  const log = await openLog(fs);
  await appendEach(log, records);
  await log.close();
  return fs;
}

export function segmentPath(base: number): string {
  return path.join(DIRECTORY, segmentName(base));
}

/** The paths of the segments there are, oldest first. */
export function segments(fs: MemoryFileSystem): string[] {
  return fs
    .names(DIRECTORY)
    .filter((name) => name.endsWith(".log"))
    .map((name) => path.join(DIRECTORY, name));
}

export function edit(fs: MemoryFileSystem, file: string, change: (content: Buffer) => Buffer | undefined): void {
  const content = fs.content(file);
  fs.put(file, change(content) ?? content);
}

export function flipBit(fs: MemoryFileSystem, file: string, byte: number, bit = 0): void {
  edit(fs, file, (content) => {
    content[byte] = (content[byte] ?? 0) ^ (1 << bit);
    return content;
  });
}

export function last<T>(values: readonly T[]): T {
  const value = values.at(-1);
  if (value === undefined) throw new Error("none");
  return value;
}

/** The stable code with which something is refused; what it resolved to, or threw instead, as text. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "done",
    (error: unknown) => (error instanceof HitsError ? error.code : String(error)),
  );
}
