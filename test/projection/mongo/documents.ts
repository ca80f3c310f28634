import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { storedHits } from "../../../src/hit/record.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { LogReader } from "../../../src/wal/log-reader.js";
import { nodeFileSystem } from "../../../src/wal/node-file-system.js";
import { readHeaderIfThere } from "../../../src/wal/segment-header.js";
import { segmentBases } from "../../../src/wal/segment-name.js";

/** Reads a collection, with numbers as numbers. */
export interface StoredDocument {
  readonly _id: string;
  readonly count: number;
  readonly logs: Record<string, { offset: number; count: number }>;
}

interface HitOfLog {
  readonly offset: number;
  readonly counter: string;
  readonly n: number;
  readonly at: number;
}

/** Runs a function with a database, by a driver of the test's own. */
export async function withDatabase<T>(
  url: string,
  database: string,
  use: (db: ReturnType<MongoClient["db"]>) => Promise<T>,
): Promise<T> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5000, directConnection: true });
  try {
    return await use(client.db(database));
  } finally {
    await client.close();
  }
}

export function documentsOf(url: string, database: string): Promise<StoredDocument[]> {
  return withDatabase(url, database, (db) => db.collection<StoredDocument>("counters").find().toArray());
}

/** Reads a log directory from the beginning, as another process would. */
export async function hitsOf(directory: string): Promise<{ id: string; hits: HitOfLog[] }> {
  const [base] = segmentBases(await nodeFileSystem.list(directory));
  const header = base === undefined ? undefined : await readHeaderIfThere(new LogDirectory(directory), base);
  const reader = new LogReader({ directory: new LogDirectory(directory), from: undefined });
  const hits: HitOfLog[] = [];
  try {
    for (;;) {
      const step = await reader.next();
      if ("end" in step) return { id: header?.logId ?? "", hits };
      if ("damage" in step) throw new Error(`damage: ${JSON.stringify(step.damage)}`);
      for (const { offset, counter, n, at } of storedHits(step.batch)) hits.push({ offset, counter, n: n ?? 1, at });
    }
  } finally {
    await reader.close();
  }
}

/**
 * Lists where a database differs from the logs in these directories: each slot at its own offset, each count as the sum of
 * its slots, and all hits of each log. Independent of the projection.
 */
export async function audit(url: string, database: string, directories: readonly string[]): Promise<string[]> {
  // The documents first: the logs must have what is in them.
  const documents = new Map((await documentsOf(url, database)).map((document) => [document._id, document]));
  const lines: string[] = [];
  for (const { _id, count, logs } of documents.values()) {
    const sum = Object.values(logs).reduce((total, slot) => total + slot.count, 0);
    if (sum !== count) lines.push(`${_id}: count ${count}, its slots have ${sum}`);
  }
  for (const directory of directories) {
    const { id, hits } = await hitsOf(directory);
    const all = new Map<string, number>();
    const atSlot = new Map<string, number>();
    for (const { offset, counter, n } of hits) {
      all.set(counter, (all.get(counter) ?? 0) + n);
      if (offset < (documents.get(counter)?.logs[id]?.offset ?? 0)) {
        atSlot.set(counter, (atSlot.get(counter) ?? 0) + n);
      }
    }
    for (const counter of new Set([...all.keys(), ...documents.keys()])) {
      const slot = documents.get(counter)?.logs[id]?.count ?? 0;
      if (slot !== (atSlot.get(counter) ?? 0))
        lines.push(`${counter}: slot ${slot}, at its offset ${atSlot.get(counter)}`);
      if (slot !== (all.get(counter) ?? 0)) lines.push(`${counter}: slot ${slot}, the log has ${all.get(counter)}`);
    }
  }
  return lines;
}

interface StoredDay extends StoredDocument {
  readonly counter: string;
  readonly day: Date;
  readonly logs: Record<string, { offset: number; count: number; hours?: Record<string, number> }>;
}

/** As `audit`, for counters' days, with their hours. */
export async function auditDays(url: string, database: string, directory: string): Promise<string[]> {
  const documents = await withDatabase(url, database, (db) => db.collection<StoredDay>("series").find().toArray());
  const { id, hits } = await hitsOf(directory);
  const lines: string[] = [];
  const expected = new Map<string, number>();
  const hours = new Map<string, number>();
  for (const { counter, n, at } of hits) {
    const text = new Date(at).toISOString();
    const name = `${text.slice(0, 10)} ${counter}`;
    expected.set(name, (expected.get(name) ?? 0) + n);
    const hour = `${Number(text.slice(11, 13))} ${name}`;
    hours.set(hour, (hours.get(hour) ?? 0) + n);
  }
  for (const { _id, counter, day, count, logs } of documents) {
    if (_id !== `${day.toISOString().slice(0, 10)} ${counter}`)
      lines.push(`${_id}: ${counter} on ${day.toISOString()}`);
    const slot = logs[id];
    if (slot?.count !== expected.get(_id)) lines.push(`${_id}: slot ${slot?.count}, the log has ${expected.get(_id)}`);
    const sum = Object.values(logs).reduce((total, one) => total + one.count, 0);
    if (sum !== count) lines.push(`${_id}: count ${count}, its slots have ${sum}`);
    for (const [hour, found] of Object.entries(slot?.hours ?? {})) {
      const one = `${hour} ${_id}`;
      if (hours.get(one) !== found) lines.push(`${one}: ${found}, the log has ${hours.get(one)}`);
      hours.delete(one);
    }
    expected.delete(_id);
  }
  return [...lines, ...[...expected.keys(), ...hours.keys()].map((name) => `${name} is missing`)];
}

/** Resolves once the condition holds; rejects after so many seconds with its last value. */
export async function eventually(what: string, holds: () => Promise<unknown> | unknown, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    let last: unknown;
    try {
      last = await holds();
    } catch (error) {
      last = error;
    }
    if (last === true) return;
    if (Date.now() > end)
      throw new Error(
        `not within ${seconds} s: ${what}; last ${last instanceof Error ? last.message : JSON.stringify(last)}`,
      );
    await sleep(50);
  }
}

/** Resolves once the audit finds nothing. */
export async function exactSoon(
  url: string,
  database: string,
  directories: readonly string[],
  seconds = 20,
): Promise<void> {
  const exact = async () => {
    const lines = await audit(url, database, directories);
    return lines.length === 0 ? true : lines.slice(0, 5);
  };
  await eventually("exact in MongoDB", exact, seconds);
}
