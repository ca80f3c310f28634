import { HitsError } from "../../errors.js";
import type { Client } from "../../model/access.js";
import type { FairShare, Holding } from "../access/fair-share.js";
import { BLOCK_BYTES, type BlockPool } from "./block-pool.js";

/** The body of a request, whole. */
export interface Body {
  /** Bytes. */
  readonly length: number;
  /** Returns the bytes in one piece: in `room`, if that is given. They are the body's until it is released. */
  inOnePiece(room?: Buffer): Buffer;
  /** Throws `QUEUE_FULL` if the room for it was needed for another client's. */
  check(): void;
  /** Calls back if that happens. */
  onLost: (() => void) | undefined;
  /** Gives the memory back; the bytes must not be used any more. */
  release(): void;
}

export interface ArrivingBodyOptions {
  readonly client: Client;
  /** The most bytes that may come. */
  readonly expected: number;
  readonly share: FairShare;
  readonly pool: BlockPool;
}

/** Blocks up to this length of the body are not of the pool. */
const SMALL_BYTES = 64 * 1024;
const SMALLEST_BLOCK = 1024;
/** A body that arrives whole, in one chunk, takes no more than its connection's buffers do. */
const UNCHARGED_BYTES = 16 * 1024;

/** A body as it arrives, in blocks: chunks may be of a byte each, and kept one by one would take a hundred times as much. */
export class ArrivingBody implements Body {
  readonly #client: Client;
  readonly #expected: number;
  readonly #share: FairShare;
  readonly #pool: BlockPool;
  #blocks: Buffer[] = [];
  /** Room in the last block. */
  #room = 0;
  #holding: Holding | undefined;
  #isLost = false;
  length = 0;
  isWhole = false;
  onLost: (() => void) | undefined;

  constructor({ client, expected, share, pool }: ArrivingBodyOptions) {
    this.#client = client;
    this.#expected = expected;
    this.#share = share;
    this.#pool = pool;
  }

  inOnePiece(room?: Buffer): Buffer {
    const blocks = this.#used();
    const [only] = blocks;
    if (blocks.length === 1 && only !== undefined) return only;
    if (room === undefined) return Buffer.concat(blocks, this.length);
    let at = 0;
    for (const block of blocks) at += block.copy(room, at);
    this.#giveBlocks();
    return room.subarray(0, this.length);
  }

  check(): void {
    if (this.#isLost) throw noRoom();
  }

  /** Adds bytes. Returns false if there is no room for them. */
  add(chunk: Buffer): boolean {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#room === 0 && !this.#addBlock(rest)) return false;
      const block = this.#blocks.at(-1);
      if (block === undefined) return false;
      // The first chunk is a block itself.
      const copied = block === rest ? rest.length : rest.copy(block, block.length - this.#room);
      this.#room -= copied;
      this.length += copied;
      rest = rest.subarray(copied);
    }
    return true;
  }

  release(): void {
    this.#holding?.release();
    this.#giveBlocks();
  }

  #addBlock(rest: Buffer): boolean {
    const { length } = this;
    if (length === 0) {
      // Nearly all payloads: charging for them would cost more than reading them.
      if (rest.length === this.#expected && rest.length <= UNCHARGED_BYTES) {
        this.#blocks.push(rest);
        this.#room = rest.length;
        return true;
      }
      return this.#append(rest, rest.length);
    }
    if (length >= SMALL_BYTES) return this.#append(undefined, BLOCK_BYTES);
    const size = Math.min(this.#expected - length, Math.max(rest.length, length, SMALLEST_BLOCK));
    return this.#append(undefined, size);
  }

  #append(block: Buffer | undefined, size: number): boolean {
    if (!this.#hold((this.#holding?.amount ?? 0) + size)) return false;
    this.#blocks.push(block ?? (size === BLOCK_BYTES ? this.#pool.take() : Buffer.allocUnsafe(size)));
    this.#room = size;
    return true;
  }

  #hold(bytes: number): boolean {
    if (this.#holding !== undefined) return this.#holding.resize(bytes);
    // Bodies that are still arriving give way first: the least is lost with them.
    this.#holding = this.#share.take(this.#client, bytes, { evict: () => this.#lose(), isIdle: () => !this.isWhole });
    return this.#holding !== undefined;
  }

  #lose(): void {
    this.#isLost = true;
    this.onLost?.();
  }

  /** The blocks without the room in the last one. */
  #used(): Buffer[] {
    const last = this.#blocks.at(-1);
    if (last === undefined || this.#room === 0) return this.#blocks;
    return [...this.#blocks.slice(0, -1), last.subarray(0, last.length - this.#room)];
  }

  #giveBlocks(): void {
    for (const block of this.#blocks) if (block.length === BLOCK_BYTES) this.#pool.give(block);
    this.#blocks = [];
    this.#room = 0;
  }
}

export function noRoom(): HitsError {
  return new HitsError("QUEUE_FULL", "not counted: the bodies of too many requests are in memory; try again");
}
