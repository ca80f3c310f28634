import type { IncomingMessage } from "node:http";
import { HitsError } from "../../errors.js";
import type { Client } from "../../model/access.js";
import type { FairShare, Holding } from "../access/fair-share.js";
import { ClientGone } from "../answer.js";

/** The time in which some byte of a body must arrive. */
const PROGRESS_MS = 10_000;

/** The body of a request, whole. */
export interface Body {
  readonly bytes: Buffer;
  /** Throws `QUEUE_FULL` if the room for it was needed for another client's. */
  check(): void;
  /** Calls back if that happens. */
  onLost: (() => void) | undefined;
  /** Gives the room back; the bytes must not be used any more. */
  release(): void;
}

/** Reads bodies of requests into memory that all clients share, which each takes as its bytes arrive. */
export class Bodies {
  readonly #share: FairShare;
  readonly #progressMs: number;

  /** `share`: bytes that all bodies share. */
  constructor(share: FairShare, progressMs = PROGRESS_MS) {
    this.#share = share;
    this.#progressMs = progressMs;
  }

  /**
   * Resolves to the body, at most `limit` bytes. Rejects with `BODY_TOO_LARGE`, `QUEUE_FULL` and `REQUEST_TIMEOUT`, the
   * rest unread, and with `ClientGone` if the client disconnected.
   */
  read(req: IncomingMessage, client: Client, limit: number): Promise<Body> {
    const announced = Number(req.headers["content-length"] ?? 0);
    if (announced > limit) return Promise.reject(tooLarge(limit));
    return new Promise((resolve, reject) => {
      const body = new ArrivingBody(client, announced === 0 ? limit : announced, this.#share);
      const finish = () => {
        clearTimeout(timer);
        req.off("data", add).off("end", end).off("error", gone).off("close", gone);
        body.onLost = undefined;
      };
      const fail = (error: Error) => {
        finish();
        req.pause();
        body.release();
        reject(error);
      };
      const add = (chunk: Buffer) => {
        if (body.length + chunk.length > limit) fail(tooLarge(limit));
        else if (body.add(chunk)) timer.refresh();
        else fail(noRoom());
      };
      const end = () => {
        finish();
        body.isWhole = true;
        resolve(body);
      };
      const gone = () => fail(new ClientGone());
      const stuck = () => fail(new HitsError("REQUEST_TIMEOUT", "not counted: the body stopped arriving"));
      const timer = setTimeout(stuck, this.#progressMs);
      body.onLost = () => fail(noRoom());
      if (req.destroyed) gone();
      else req.on("data", add).on("end", end).on("error", gone).on("close", gone);
    });
  }
}

/** A body in one buffer that grows: chunks may be of a byte each, and kept one by one would take a hundred times as much. */
class ArrivingBody implements Body {
  readonly #client: Client;
  readonly #expected: number;
  readonly #share: FairShare;
  #buffer: Buffer = Buffer.alloc(0);
  #holding: Holding | undefined;
  #isLost = false;
  length = 0;
  isWhole = false;
  onLost: (() => void) | undefined;

  /** `expected`: the most bytes that may come. */
  constructor(client: Client, expected: number, share: FairShare) {
    this.#client = client;
    this.#expected = expected;
    this.#share = share;
  }

  get bytes(): Buffer {
    return this.#buffer.length === this.length ? this.#buffer : this.#buffer.subarray(0, this.length);
  }

  check(): void {
    if (this.#isLost) throw noRoom();
  }

  /** Adds bytes. Returns false if there is no room for them. */
  add(chunk: Buffer): boolean {
    const length = this.length + chunk.length;
    if (length > this.#buffer.length) {
      const isFirst = this.length === 0;
      const size = isFirst ? chunk.length : Math.min(this.#expected, 2 * length);
      if (!this.#hold(size)) return false;
      if (isFirst) this.#buffer = chunk;
      else {
        const grown = Buffer.allocUnsafe(size);
        this.#buffer.copy(grown, 0, 0, this.length);
        this.#buffer = grown;
      }
    }
    if (this.#buffer !== chunk) chunk.copy(this.#buffer, this.length);
    this.length = length;
    return true;
  }

  release(): void {
    this.#holding?.release();
    this.#buffer = Buffer.alloc(0);
    this.length = 0;
  }

  #hold(size: number): boolean {
    if (this.#holding !== undefined) return this.#holding.resize(size);
    // Bodies that are still arriving give way first: the least is lost with them.
    this.#holding = this.#share.take(this.#client, size, { evict: () => this.#lose(), isIdle: () => !this.isWhole });
    return this.#holding !== undefined;
  }

  #lose(): void {
    this.#isLost = true;
    this.onLost?.();
  }
}

function tooLarge(limit: number): HitsError {
  return new HitsError("BODY_TOO_LARGE", `the body is larger than ${limit / 1024} KiB`);
}

function noRoom(): HitsError {
  return new HitsError("QUEUE_FULL", "not counted: the bodies of too many requests are in memory; try again");
}
