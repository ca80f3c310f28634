import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Client } from "../model/access.js";
import type { FairShare, Holder, Holding } from "./access/fair-share.js";
import { Pipeline } from "./pipeline.js";

/** Bounds of reading answers. */
export interface ReadBounds {
  /** The time in which a client that reads an answer at all has read some of it. */
  readonly writeTimeoutMs: number;
  /** The rate at which a client must read what does not fit into the buffers of the network, on top of that. */
  readonly minBytesPerSecond: number;
}

/** Node keeps an answer that is not read as text and as bytes. */
const COPIES = 2;
/** Waiting requests are charged in steps, so that each costs nothing. */
const STEP_BYTES = 64 * 1024;

export interface ConnectionOptions {
  readonly client: Client;
  /** Shares the bytes of answers and waiting requests. */
  readonly share: FairShare;
  readonly start: (connection: Connection, res: ServerResponse) => void;
}

/** An open connection: the order of its requests, and what it holds of the server's memory. */
export class Connection implements Holder {
  readonly socket: Socket;
  /** The response to the newest request, whether it has been started or not. */
  newest: ServerResponse | undefined;
  readonly #client: Client;
  readonly #start: (connection: Connection, res: ServerResponse) => void;
  readonly #requests: Charge;
  readonly #answers: Charge;
  #pipeline: Pipeline | undefined;
  /** What the client had read when it was last seen to make progress; undefined while nothing is unread. */
  #progress: { read: number; since: number } | undefined;

  constructor(socket: Socket, { client, share, start }: ConnectionOptions) {
    this.socket = socket;
    this.#client = client;
    this.#start = start;
    this.#requests = new Charge(share, this);
    this.#answers = new Charge(share, this);
  }

  /** Handles a request, after those before it. Closes the connection if too many are waiting. */
  handle(res: ServerResponse): void {
    const before = this.newest;
    this.newest = res;
    // Nearly all requests: the answer before is written out.
    if (this.#pipeline === undefined && (before === undefined || before.writableFinished)) this.#start(this, res);
    else if (before !== undefined && !this.socket.destroyed) this.#enqueue(before, res);
  }

  #enqueue(before: ServerResponse, res: ServerResponse): void {
    this.#pipeline ??= new Pipeline(before, {
      start: (next) => this.#start(this, next),
      onEmpty: () => {
        this.#pipeline = undefined;
      },
    });
    if (!this.#pipeline.add(res) || !this.#chargeRequests(this.#pipeline.bytes)) this.socket.destroy();
  }

  #chargeRequests(bytes: number): boolean {
    return (
      bytes <= this.#requests.bytes || this.#requests.set(this.#client, Math.ceil(bytes / STEP_BYTES) * STEP_BYTES)
    );
  }

  /** Charges what is not read of the answers to the client; closes the connection if that is too much. */
  chargeAnswers(client: () => Client): void {
    const bytes = COPIES * this.socket.writableLength;
    if (bytes === 0 && this.#answers.bytes === 0) return;
    if (!this.#answers.set(client(), bytes)) this.socket.destroy();
  }

  /** Brings the charges up to date, and closes the connection if its client does not read. To be called at intervals. */
  check(now: number, bounds: ReadBounds): void {
    if (this.#pipeline === undefined) this.#requests.release();
    this.chargeAnswers(() => this.#client);
    const unread = this.socket.writableLength;
    const read = this.socket.bytesWritten - unread;
    if (unread === 0) this.#progress = undefined;
    else if (this.#progress?.read !== read) this.#progress = { read, since: now };
    else if (now - this.#progress.since > bounds.writeTimeoutMs + (1000 * unread) / bounds.minBytesPerSecond) {
      this.socket.destroy();
    }
  }

  /** True if no answer is due, apart from a request of which only a part of the head has arrived. */
  isIdle(): boolean {
    return this.#pipeline === undefined && (this.newest === undefined || this.newest.writableFinished);
  }

  evict(): void {
    this.socket.destroy();
  }

  /** To be called when the connection has closed. */
  release(): void {
    this.#requests.release();
    this.#answers.release();
  }
}

/** The part of a share that a connection has, if any. */
class Charge {
  readonly #share: FairShare;
  readonly #holder: Holder;
  #holding: Holding | undefined;

  constructor(share: FairShare, connection: Connection) {
    this.#share = share;
    this.#holder = { evict: () => connection.evict() };
  }

  get bytes(): number {
    return this.#holding?.amount ?? 0;
  }

  /** Returns false if there is no room for so much. The client matters only if nothing is held yet. */
  set(client: Client, bytes: number): boolean {
    if (bytes === 0) this.release();
    else if (this.#holding !== undefined) return this.#holding.resize(bytes);
    else {
      this.#holding = this.#share.take(client, bytes, this.#holder);
      return this.#holding !== undefined;
    }
    return true;
  }

  release(): void {
    this.#holding?.release();
    this.#holding = undefined;
  }
}
