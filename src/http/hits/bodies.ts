import type { IncomingMessage } from "node:http";
import { HitsError } from "../../errors.js";
import type { Client } from "../../model/access.js";
import type { FairShare } from "../access/fair-share.js";
import { ClientGone } from "../answer.js";
import { ArrivingBody, type Body, noRoom } from "./arriving-body.js";
import { BlockPool } from "./block-pool.js";

/** The time in which some byte of a body must arrive. */
const PROGRESS_MS = 10_000;
/** Checks for progress in that time. */
const CHECKS = 4;

/** Reads bodies of requests into memory that all clients share, which each takes as its bytes arrive. */
export class Bodies {
  readonly #share: FairShare;
  readonly #progressMs: number;
  readonly #pool = new BlockPool();
  readonly #reading = new Set<Reading>();
  #isCheckDue = false;

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
    if (req.destroyed) return Promise.reject(new ClientGone());
    return new Promise((resolve, reject) => {
      const expected = announced === 0 ? limit : announced;
      const body = new ArrivingBody({ client, expected, share: this.#share, pool: this.#pool });
      const finish = () => {
        this.#reading.delete(reading);
        req.off("data", add).off("end", end).off("close", gone);
        body.onLost = undefined;
      };
      const fail = (error: Error) => {
        finish();
        req.pause();
        body.release();
        reject(error);
      };
      const reading: Reading = { fail, checks: 0 };
      const add = (chunk: Buffer) => {
        reading.checks = 0;
        if (body.length + chunk.length > limit) fail(tooLarge(limit));
        else if (!body.add(chunk)) fail(noRoom());
      };
      const end = () => {
        finish();
        body.isWhole = true;
        resolve(body);
      };
      const gone = () => fail(new ClientGone());
      body.onLost = () => fail(noRoom());
      this.#reading.add(reading);
      this.#checkLater();
      req.on("data", add).on("end", end).on("close", gone);
    });
  }

  /** One timer for all: one for each would cost as much as all the rest of a small body. */
  #checkLater(): void {
    if (this.#isCheckDue) return;
    this.#isCheckDue = true;
    setTimeout(() => {
      this.#isCheckDue = false;
      for (const reading of this.#reading) {
        if (++reading.checks <= CHECKS) continue;
        reading.fail(new HitsError("REQUEST_TIMEOUT", "not counted: the body stopped arriving"));
      }
      if (this.#reading.size > 0) this.#checkLater();
    }, this.#progressMs / CHECKS).unref();
  }
}

/** A body that is being read. */
interface Reading {
  readonly fail: (error: Error) => void;
  /** Checks since some of it arrived. */
  checks: number;
}

function tooLarge(limit: number): HitsError {
  return new HitsError("BODY_TOO_LARGE", `the body is larger than ${limit / 1024} KiB`);
}
