import type { IncomingMessage } from "node:http";
import { HitsError } from "../../errors.js";
import type { Client } from "../../model/access.js";
import type { FairShare } from "../access/fair-share.js";
import { ClientGone } from "../answer.js";
import { ArrivingBody, type Body, noRoom } from "./arriving-body.js";
import { BlockPool } from "./block-pool.js";

/** The time in which some byte of a body must arrive. */
const PROGRESS_MS = 10_000;

/** Reads bodies of requests into memory that all clients share, which each takes as its bytes arrive. */
export class Bodies {
  readonly #share: FairShare;
  readonly #progressMs: number;
  readonly #pool = new BlockPool();

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
      const expected = announced === 0 ? limit : announced;
      const body = new ArrivingBody({ client, expected, share: this.#share, pool: this.#pool });
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

function tooLarge(limit: number): HitsError {
  return new HitsError("BODY_TOO_LARGE", `the body is larger than ${limit / 1024} KiB`);
}
