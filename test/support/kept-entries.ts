import type { HitsError } from "../../src/errors.js";
import { BulkEntries } from "../../src/hit/bulk-entries.js";
import type { Hit } from "../../src/model/hit.js";

/** Entries that keep their hits. */
export class KeptEntries extends BulkEntries {
  readonly hits: readonly Hit[];

  constructor(refuse: (hit: Hit) => HitsError | undefined = () => undefined) {
    const hits: Hit[] = [];
    super((hit) => {
      const refused = refuse(hit);
      if (refused === undefined) hits.push(hit);
      return refused;
    });
    this.hits = hits;
  }
}
