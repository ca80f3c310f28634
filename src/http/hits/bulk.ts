import type { IncomingMessage, ServerResponse } from "node:http";
import { HitsError } from "../../errors.js";
import { ArrayReader } from "../../hit/bulk-array.js";
import { BulkEntries } from "../../hit/bulk-entries.js";
import { type EntryReader, LineReader } from "../../hit/bulk-lines.js";
import type { Client } from "../../model/access.js";
import type { HitGroup, Logger, RecordedAll, Services } from "../../model/services.js";
import type { Gate } from "../access/gate.js";
import { Lane } from "../access/lane.js";
import type { Allowance } from "../access/rate-limit.js";
import type { Turns, Work } from "../access/turns.js";
import { ClientGone, sendError, sendJson } from "../answer.js";
import { shorten } from "../query.js";
import type { Body } from "./arriving-body.js";
import type { Bodies } from "./bodies.js";
import { readMediaType } from "./body.js";
import { notCountedHeader } from "./not-counted.js";

export const MAX_BULK_BYTES = 8 * 1024 * 1024;
/** Larger bodies are read, judged and written one after another: what becomes of a body takes a multiple of its bytes. */
const MAX_SMALL_BYTES = 64 * 1024;
/** Entries read before the clock is asked. */
const ENTRIES_PER_STEP = 8;

export const LINE_TYPES = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
  "text/plain",
]);

export interface BulkHitsOptions {
  readonly services: Services;
  readonly gate: Gate;
  readonly bodies: Bodies;
  readonly turns: Turns;
  readonly logger: Logger;
}

/** `POST /hits`: many hits in one request, made durable as one batch. */
export class BulkHits {
  readonly #services: Services;
  readonly #gate: Gate;
  readonly #bodies: Bodies;
  readonly #turns: Turns;
  readonly #logger: Logger;
  readonly #lane: Lane;
  /** Where the body that is in the lane lies in one piece. */
  #room: Buffer | undefined;

  constructor({ services, gate, bodies, turns, logger }: BulkHitsOptions) {
    this.#services = services;
    this.#gate = gate;
    this.#bodies = bodies;
    this.#turns = turns;
    this.#logger = logger;
    this.#lane = new Lane(turns);
  }

  /** Answers the request; never rejects. */
  async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const client = this.#gate.clientOf(req);
    const group = this.#services.collector.group(client);
    const entries = new BulkEntries((hit) => group.add(hit));
    try {
      this.#gate.checkOrigin(req);
      this.#gate.checkMany(client, req, res);
      const isArray = holdsArray(req);
      const allowance = await this.#gate.allowance(client);
      allowance?.check(kibOf(Number(req.headers["content-length"] ?? 0)));
      const body = await this.#bodies.read(req, client, MAX_BULK_BYTES);
      try {
        const bulk = { client, body, isArray, allowance, group, entries, res };
        const { accepted, replayed, firstOffset, lastOffset } = await this.#inLane(bulk, () => this.#record(bulk));
        const earlier = replayed > 0 ? { replayed } : undefined;
        sendJson(res, 202, JSON.stringify({ accepted, ...earlier, firstOffset, lastOffset, ...rejections(entries) }));
      } finally {
        body.release();
      }
    } catch (error) {
      const isBody = error instanceof HitsError && error.code === "INVALID_BODY";
      const none = { accepted: 0, firstOffset: null, lastOffset: null, ...rejections(entries) };
      const members = isBody ? none : undefined;
      const code = sendError(res, error, { logger: this.#logger, members, headers: notCountedHeader });
      // A body that could not be read at all is one refusal.
      const hits = group.size === 0 && entries.rejectedCount === 0 ? 1 : group.size;
      if (code !== undefined && hits > 0) this.#services.tally.noteRejected(code, hits);
    } finally {
      group.abandon();
      for (const [code, hits] of entries.rejectedByCode) this.#services.tally.noteRejected(code, hits);
    }
  }

  async #inLane<T>({ client, body, res }: Bulk, work: () => Promise<T>): Promise<T> {
    if (body.length <= MAX_SMALL_BYTES) return work();
    const sweep = () => this.#lane.sweep();
    body.onLost = sweep;
    res.once("close", sweep);
    try {
      return await this.#lane.use(client, () => checkWanted(body, res), work);
    } finally {
      res.off("close", sweep);
    }
  }

  async #record(bulk: Bulk): Promise<RecordedAll> {
    const { client, allowance, group, entries } = bulk;
    try {
      await this.#turns.run(client, this.#readingOf(bulk));
    } catch (error) {
      await allowance?.spend(workOf(bulk));
      throw error;
    }
    await allowance?.take(costOf(bulk));
    if (group.size === 0) throw nothingToCount(entries);
    return group.commit();
  }

  /** Returns the work of reading the entries, each of which is judged and encoded at once. */
  #readingOf(bulk: Bulk): Work {
    const { body, res, allowance } = bulk;
    let reader: EntryReader | undefined;
    return {
      slice: (until) => {
        reader ??= this.#readerOf(bulk);
        const isLeft = readUntil(reader, until);
        allowance?.check(costOf(bulk));
        return isLeft;
      },
      check: () => checkWanted(body, res),
    };
  }

  #readerOf({ body, isArray, entries }: Bulk): EntryReader {
    const isLarge = body.length > MAX_SMALL_BYTES;
    if (isLarge) this.#room ??= Buffer.allocUnsafeSlow(MAX_BULK_BYTES);
    const bytes = body.inOnePiece(isLarge ? this.#room : undefined);
    return isArray ? new ArrayReader(bytes, Date.now(), entries) : new LineReader(bytes, Date.now(), entries);
  }
}

/** A request whose body has arrived. */
interface Bulk {
  readonly client: Client;
  readonly body: Body;
  readonly isArray: boolean;
  readonly allowance: Allowance | undefined;
  readonly group: HitGroup;
  readonly entries: BulkEntries;
  readonly res: ServerResponse;
}

/** Returns true for a JSON array, false for lines. Throws `UNSUPPORTED_MEDIA_TYPE`. */
function holdsArray(req: IncomingMessage): boolean {
  const type = readMediaType(req);
  if (type === "application/json") return true;
  if (LINE_TYPES.has(type)) return false;
  throw new HitsError(
    "UNSUPPORTED_MEDIA_TYPE",
    "the body must have Content-Type: application/x-ndjson for one hit per line, or application/json for an array of " +
      `hits, got ${type === "" ? "none" : shorten(type)}`,
  );
}

/** Reads until a time, or to the end. Returns false at the end. */
function readUntil(reader: EntryReader, until: number): boolean {
  while (reader.read(ENTRIES_PER_STEP)) if (performance.now() >= until) return true;
  return false;
}

/** Throws if the body was lost to another client, or if nobody waits for the answer. */
function checkWanted(body: Body, res: ServerResponse): void {
  body.check();
  if (res.destroyed) throw new ClientGone();
}

/** Returns what reading the body costs, in hits: a request without a hit would otherwise be free. */
function workOf({ body, entries }: Bulk): number {
  return Math.max(1, entries.read, kibOf(body.length));
}

/** Kibibytes, begun ones included. */
function kibOf(bytes: number): number {
  return Math.ceil(bytes / 1024);
}

function costOf(bulk: Bulk): number {
  return Math.max(workOf(bulk), bulk.entries.sum);
}

function rejections(entries: BulkEntries) {
  return { rejectedCount: entries.rejectedCount, rejected: entries.rejected };
}

function nothingToCount(entries: BulkEntries): HitsError {
  const first = entries.rejected[0];
  const why = first === undefined ? "it has no entries" : `entry ${first.index}: ${first.detail}`;
  return new HitsError("INVALID_BODY", `nothing in the body can be counted; ${why}`);
}
