import type { Json } from "./operation.js";

/** Parts of the document that stand in several places: written once, and referred to. */
export class Shared {
  readonly #section: string;
  readonly #uses = new Map<string, number>();
  readonly #names = new Map<string, string>();
  readonly #all = new Map<string, Json>();

  /** `section` is the part's place in `components`. */
  constructor(section: string) {
    this.#section = section;
  }

  get all(): Json {
    return Object.fromEntries(this.#all);
  }

  /** Says beforehand that a part is used. */
  note(part: Json): void {
    const text = JSON.stringify(part);
    this.#uses.set(text, (this.#uses.get(text) ?? 0) + 1);
  }

  /** The part itself, or a reference to it where it was noted more than once. */
  refIfShared(name: string, part: Json): Json {
    return (this.#uses.get(JSON.stringify(part)) ?? 0) > 1 ? this.refTo(name, part) : part;
  }

  /** A reference to the part: by this name, unless the same part has one, or another part has this. */
  refTo(name: string, part: Json): Json {
    const text = JSON.stringify(part);
    let given = this.#names.get(text);
    if (given === undefined) {
      given = name;
      for (let number = 2; this.#all.has(given); number++) given = `${name}${number}`;
      this.#names.set(text, given);
      this.#all.set(given, part);
    }
    return { $ref: `#/components/${this.#section}/${given}` };
  }
}
