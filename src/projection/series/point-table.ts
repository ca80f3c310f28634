import { hashOf, keyOf, WHOLE_DAY } from "./point-key.js";
import { TablePart, type VisitPoint } from "./table-part.js";

/**
 * Counts by counter and place: 16 to 32 bytes a point. It is made of parts of bounded size, found by the counter's hash
 * (extendible hashing): one that is full is divided, and one that an image shares is copied before its first change, each
 * for itself. So no addition takes longer than that of one part.
 */
export class PointTable {
  /** By the lower bits of the hash. A part is in all places that agree with as many of them as it is deep. */
  #parts: TablePart[] = [new TablePart(0)];
  #points = 0;
  /** Places below this one were taken. */
  #taken = 0;

  get points(): number {
    return this.#points;
  }

  get bytes(): number {
    return this.#distinct().reduce((bytes, part) => bytes + part.bytes, 0);
  }

  /** Returns the count of a counter's place; 0 if there is none. */
  get(index: number, place: number): number {
    const hash = hashOf(index);
    return this.#partOf(hash).get(hash, keyOf(index, place)) ?? 0;
  }

  /** Returns whether there is a point of this counter at another place. */
  hasOther(index: number, place: number): boolean {
    const hash = hashOf(index);
    const part = this.#partOf(hash);
    for (let other = 0; other <= WHOLE_DAY; other++) {
      if (other !== place && part.get(hash, keyOf(index, other)) !== undefined) return true;
    }
    return false;
  }

  /** Adds to the count of a counter's place. Returns whether that made a new point. */
  add(index: number, place: number, n: number): boolean {
    const hash = hashOf(index);
    const part = this.#partOf(hash);
    if (!part.add(hash, keyOf(index, place), n)) return false;
    this.#points++;
    if (part.isFull) this.#divide(hash, part);
    return true;
  }

  /** Removes the points of this counter, and some others, and visits them. Nothing may be added to the table any more. */
  take(index: number, visit: VisitPoint): void {
    this.#take(hashOf(index), visit);
  }

  /** Removes about so many points, and visits them. Nothing may be added to the table any more. */
  takeSome(points: number, visit: VisitPoint): void {
    const left = this.#points - points;
    while (this.#points > 0 && this.#points > left) this.#take(this.#taken++, visit);
  }

  /** The slots of all parts as they are now, 0 for a free one. Changes made later may or may not show in them. */
  keys(): Uint32Array[] {
    return this.#distinct().map(({ keys }) => keys);
  }

  /** The table at this moment, as buffers for `eachPoint`. They are not written to any more. */
  image(): SharedArrayBuffer[] {
    return this.#distinct().map((part) => part.image());
  }

  #partOf(hash: number): TablePart {
    return this.#parts[hash & (this.#parts.length - 1)] as TablePart;
  }

  #distinct(): TablePart[] {
    return this.#parts.filter((part, place) => place < 1 << part.depth);
  }

  #divide(hash: number, part: TablePart): void {
    if (1 << part.depth === this.#parts.length) this.#parts = [...this.#parts, ...this.#parts];
    const [zero, one] = part.divide();
    this.#replace(hash, part, (place) => (((place >>> part.depth) & 1) === 0 ? zero : one));
  }

  #take(hash: number, visit: VisitPoint): void {
    const part = this.#partOf(hash);
    if (part.points === 0) return;
    part.each(visit);
    this.#points -= part.points;
    const empty = new TablePart(part.depth);
    this.#replace(hash, part, () => empty);
  }

  #replace(hash: number, { depth }: TablePart, by: (place: number) => TablePart): void {
    const step = 1 << depth;
    for (let place = hash & (step - 1); place < this.#parts.length; place += step) this.#parts[place] = by(place);
  }
}
