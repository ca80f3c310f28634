import { type ErrorCode, HitsError } from "../errors.js";
import type { Hit } from "../model/hit.js";

/** An entry of a bulk request that was refused. */
export interface Rejection {
  /** Number of the line or array element, from 0. */
  readonly index: number;
  readonly code: string;
  readonly detail: string;
}

/** Rejections that an answer lists; the others are only counted. */
export const MAX_SHOWN = 100;
/** Malformed entries at which reading ends. */
export const MAX_MALFORMED = 1000;

/** The entries of a bulk request, added in order as they are read. */
export class BulkEntries {
  readonly #admit: (hit: Hit) => HitsError | undefined;
  readonly #rejections: Rejection[] = [];
  #next = 0;
  #malformed = 0;
  #sum = 0;
  readonly #byCode = new Map<ErrorCode, number>();

  /** `admit`: takes a hit, or returns why it is refused. */
  constructor(admit: (hit: Hit) => HitsError | undefined) {
    this.#admit = admit;
  }

  /** Adds a hit as the next entry, which may still be refused. */
  accept(hit: Hit): void {
    this.#sum += hit.n;
    const refused = this.#admit(hit);
    const index = this.#next++;
    if (refused !== undefined) this.#note(index, refused);
  }

  /** Adds the hit that `parse` returns, or the refusal that it throws, as the next entry. Throws what `reject` throws. */
  add(parse: () => Hit): void {
    let hit: Hit;
    try {
      hit = parse();
    } catch (error) {
      if (!(error instanceof HitsError)) throw error;
      this.reject(error);
      return;
    }
    this.accept(hit);
  }

  /** Adds a malformed entry as the next one. Throws `INVALID_BODY` for the thousandth: nothing of the body is counted. */
  reject(error: HitsError): void {
    const index = this.#next++;
    this.#note(index, error);
    if (++this.#malformed < MAX_MALFORMED) return;
    throw new HitsError(
      "INVALID_BODY",
      `nothing was counted: ${MAX_MALFORMED} malformed entries, the last one entry ${index}; the rest was not read`,
    );
  }

  /** Skips a blank line, which is no entry. */
  skip(): void {
    this.#next++;
  }

  /** Entries read so far, blank lines included. */
  get read(): number {
    return this.#next;
  }

  /** The sum of the `n` of the hits that were read. */
  get sum(): number {
    return this.#sum;
  }

  get rejectedCount(): number {
    return [...this.#byCode.values()].reduce((total, count) => total + count, 0);
  }

  get rejectedByCode(): ReadonlyMap<ErrorCode, number> {
    return this.#byCode;
  }

  /** The first `MAX_SHOWN` rejections, by index. */
  get rejected(): readonly Rejection[] {
    return this.#rejections;
  }

  #note(index: number, error: HitsError): void {
    this.#byCode.set(error.code, (this.#byCode.get(error.code) ?? 0) + 1);
    if (this.#rejections.length < MAX_SHOWN) {
      this.#rejections.push({ index, code: error.code, detail: error.message });
    }
  }
}
