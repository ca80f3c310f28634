import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { HitsError } from "../../errors.js";
import { ArrayReader } from "../../hit/bulk-array.js";
import { BulkEntries } from "../../hit/bulk-entries.js";
import { type EntryReader, LineReader } from "../../hit/bulk-lines.js";
import type { HitGroup, Logger, Services } from "../../model/services.js";
import type { Gate } from "../access/gate.js";
import { sendError, sendJson } from "../answer.js";
import { shorten } from "../query.js";
import { readBody, readMediaType } from "./body.js";
import { notCountedHeader } from "./not-counted.js";

export const MAX_BULK_BYTES = 8 * 1024 * 1024;
/** Bulk bodies in memory at once, of all requests together; past that, requests are refused with `QUEUE_FULL`. */
const MAX_BYTES_AT_ONCE = 128 * 1024 * 1024;
/** The time for which entries are read before the event loop gets a turn. */
const SLICE_MS = 8;
/** Entries read before the clock is asked. */
const ENTRIES_PER_STEP = 8;

export const LINE_TYPES = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
  "text/plain",
]);

/** `POST /hits`: many hits in one request, made durable as one batch. */
export class BulkHits {
  readonly #services: Services;
  readonly #gate: Gate;
  readonly #logger: Logger;
  #bytesAtOnce = 0;

  constructor(services: Services, gate: Gate, logger: Logger) {
    this.#services = services;
    this.#gate = gate;
    this.#logger = logger;
  }

  /** Answers the request; never rejects. */
  async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const reserved = Math.min(Number(req.headers["content-length"] ?? MAX_BULK_BYTES), MAX_BULK_BYTES);
    this.#bytesAtOnce += reserved;
    const entries = new BulkEntries();
    let group: HitGroup | undefined;
    try {
      if (this.#bytesAtOnce > MAX_BYTES_AT_ONCE) {
        throw new HitsError("QUEUE_FULL", "not counted: too many bulk requests at once; try again");
      }
      this.#gate.checkOrigin(req);
      const client = this.#gate.clientOf(req);
      this.#gate.checkMany(client, req, res);
      await readEntries(req, entries);
      // A request without a hit costs as much as one hit: otherwise it would be free.
      await this.#gate.take(client, Math.max(1, entries.hits.length));
      const collected = this.#services.collector.group(client);
      group = collected;
      entries.refuseWhere((hit) => collected.add(hit));
      if (entries.hits.length === 0) throw nothingToCount(entries);
      const { accepted, replayed, firstOffset, lastOffset } = await group.commit();
      const earlier = replayed > 0 ? { replayed } : undefined;
      sendJson(res, 202, JSON.stringify({ accepted, ...earlier, firstOffset, lastOffset, ...rejections(entries) }));
    } catch (error) {
      const isBody = error instanceof HitsError && error.code === "INVALID_BODY";
      const none = { accepted: 0, firstOffset: null, lastOffset: null, ...rejections(entries) };
      const members = isBody ? none : undefined;
      const code = sendError(res, error, { logger: this.#logger, members, headers: notCountedHeader });
      // A body that could not be read at all is one refusal.
      const hits = entries.hits.length === 0 && entries.rejectedCount === 0 ? 1 : entries.hits.length;
      if (code !== undefined && hits > 0) this.#services.tally.noteRejected(code, hits);
    } finally {
      group?.abandon();
      for (const [code, hits] of entries.rejectedByCode) this.#services.tally.noteRejected(code, hits);
      this.#bytesAtOnce -= reserved;
    }
  }
}

async function readEntries(req: IncomingMessage, entries: BulkEntries): Promise<void> {
  const type = readMediaType(req);
  const isArray = type === "application/json";
  if (!isArray && !LINE_TYPES.has(type)) {
    throw new HitsError(
      "UNSUPPORTED_MEDIA_TYPE",
      "the body must have Content-Type: application/x-ndjson for one hit per line, or application/json for an array of " +
        `hits, got ${type === "" ? "none" : shorten(type)}`,
    );
  }
  const body = await readBody(req, MAX_BULK_BYTES);
  const now = Date.now();
  const reader = isArray ? new ArrayReader(body, now, entries) : new LineReader(body, now, entries);
  while (readUntil(reader, performance.now() + SLICE_MS)) await nextTurn();
}

/** Reads until a time, or to the end. Returns false at the end. */
function readUntil(reader: EntryReader, until: number): boolean {
  while (reader.read(ENTRIES_PER_STEP)) if (performance.now() >= until) return true;
  return false;
}

function rejections(entries: BulkEntries) {
  return { rejectedCount: entries.rejectedCount, rejected: entries.rejected };
}

function nothingToCount(entries: BulkEntries): HitsError {
  const first = entries.rejected[0];
  const why = first === undefined ? "it has no entries" : `entry ${first.index}: ${first.detail}`;
  return new HitsError("INVALID_BODY", `nothing in the body can be counted; ${why}`);
}
