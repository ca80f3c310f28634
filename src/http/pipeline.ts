import type { IncomingMessage, ServerResponse } from "node:http";

/** Hits of one connection that are recorded at once: they share a batch. */
const HITS_AT_ONCE = 16;
/** Requests that wait their turn. Clients that pipeline send a dozen or so; browsers and HTTP libraries send none. */
const MAX_WAITING = 64;
/** What a request and its response take, apart from the text of its head and its body. */
const BYTES_EACH = 4096;
/** The most of a body that node reads before somebody wants it. */
const MAX_UNWANTED_BYTES = 128 * 1024;

interface Waiting {
  readonly res: ServerResponse;
  readonly bytes: number;
}

export interface PipelineActions {
  start(res: ServerResponse): void;
  /** Called when all requests have been answered, each answer written out. */
  onEmpty(): void;
}

/**
 * The requests of a connection on which one arrived before the answer to the one before it was written out. They are handled
 * one after another, except hits, so that a client that reads no answers has one at most; node emits all requests of a packet
 * at once, and would have thousands of answers made.
 */
export class Pipeline {
  readonly #actions: PipelineActions;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  /** True if what is running are hits; otherwise it is one request. */
  #areHits = false;
  #isDue = false;
  #bytes = 0;

  /** `first` is the response that is not written out. */
  constructor(first: ServerResponse, actions: PipelineActions) {
    this.#actions = actions;
    this.#follow({ res: first, bytes: bytesOf(first.req) });
  }

  /** An estimate of the memory that the requests take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Handles a request once its turn has come. Returns false, and forgets it, if too many are waiting. */
  add(res: ServerResponse): boolean {
    if (this.#waiting.length >= MAX_WAITING) return false;
    const bytes = bytesOf(res.req);
    this.#bytes += bytes;
    this.#waiting.push({ res, bytes });
    this.#advance();
    return true;
  }

  #follow({ res, bytes }: Waiting): void {
    this.#running++;
    this.#areHits = isHit(res.req);
    res.once("close", () => {
      this.#running--;
      this.#bytes -= bytes;
      this.#advance();
    });
  }

  #advance(): void {
    for (let next = this.#waiting[0]; next !== undefined && !this.#isDue; next = this.#waiting[0]) {
      // A connection that closes after the answer before: the client has to send the rest again.
      if (!next.res.req.socket.writable) return;
      if (this.#running > 0 && !this.#mayJoin(next.res.req)) return;
      if (isHit(next.res.req)) this.#startNext();
      else this.#startNextLater();
    }
    if (this.#waiting.length === 0 && this.#running === 0) this.#actions.onEmpty();
  }

  #mayJoin(req: IncomingMessage): boolean {
    return this.#areHits && this.#running < HITS_AT_ONCE && isHit(req);
  }

  /** Other connections get a turn of the event loop between two answers. */
  #startNextLater(): void {
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (this.#waiting[0]?.res.req.socket.writable === true) this.#startNext();
      this.#advance();
    });
  }

  #startNext(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#follow(next);
    this.#actions.start(next.res);
  }
}

/** Returns true for `POST /hits` in all its forms. */
function isHit({ method, url = "" }: IncomingMessage): boolean {
  return method === "POST" && url.startsWith("/hits");
}

function bytesOf({ rawHeaders, headers, url = "" }: IncomingMessage): number {
  let bytes = BYTES_EACH + url.length;
  for (const text of rawHeaders) bytes += text.length;
  if (headers["transfer-encoding"] !== undefined) return bytes + MAX_UNWANTED_BYTES;
  return bytes + Math.min(Number(headers["content-length"] ?? 0), MAX_UNWANTED_BYTES);
}
