/** Dirty documents in bounded memory against a model that keeps an object for each. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BoundedDocuments } from "../../../src/projection/mongo/bounded-documents.js";
import { type DocumentSource, keyOf } from "../../../src/projection/mongo/dirty-documents.js";
import { seeded } from "../../support/memory-file.js";

const DAYS = 4;
const INDEXES = 12;
const MAX_ROWS = 30;

interface Row {
  isOwed: boolean;
  isKnown: boolean;
  lastHit: number;
  count: number;
}

class Model {
  rows = new Map<number, Row>();
  readonly totals = new Map<number, number>();
  end = 0;
  droppedBelow = 0;
  needsScan = false;

  touch(key: number): void {
    this.totals.set(key, (this.totals.get(key) ?? 0) + 1);
    this.end++;
    const row = this.rows.get(key) ?? this.add(key);
    row.lastHit = this.end;
    row.isOwed = true;
  }

  see(key: number, count: number): void {
    const isOwed = (this.totals.get(key) ?? 0) > count;
    const row = this.rows.get(key) ?? (isOwed ? this.add(key) : undefined);
    if (row !== undefined) Object.assign(row, { isOwed, isKnown: true, count });
  }

  forget(key: number): void {
    Object.assign(this.rows.get(key) ?? this.add(key), { isOwed: true, isKnown: false });
  }

  forgetFrom(offset: number): void {
    if (offset < this.droppedBelow) this.invalidate();
    for (const [key, { lastHit }] of this.rows) if (lastHit > offset) this.forget(key);
  }

  prune(certain: number): void {
    for (const [key, row] of this.rows) if (!row.isOwed && row.lastHit <= certain) this.rows.delete(key);
    if (this.rows.size <= MAX_ROWS / 2) return;
    for (const [key, row] of this.rows) {
      if (row.isOwed) continue;
      this.droppedBelow = Math.max(this.droppedBelow, row.lastHit);
      this.rows.delete(key);
    }
  }

  invalidate(): void {
    this.rows.clear();
    this.needsScan = true;
  }

  add(key: number): Row {
    if (this.rows.size >= MAX_ROWS) this.invalidate();
    const row = { isOwed: false, isKnown: false, lastHit: this.end, count: 0 };
    this.rows.set(key, row);
    return row;
  }
}

function sourceOf(model: Model): DocumentSource {
  return {
    find: Number,
    nameOf: String,
    total: (key) => model.totals.get(key) ?? 0,
    toleratesSurplus: true,
    update: (_key, slots) => slots,
    days: () => [],
    indexesOf: () => [],
  };
}

test("the same rows as the model, whatever is touched, seen, forgotten, pruned and dropped", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const model = new Model();
    const documents = new BoundedDocuments(sourceOf(model), MAX_ROWS);
    for (let step = 0; step < 600; step++) {
      const key = keyOf(below(INDEXES), 20_000 + below(DAYS));
      const roll = random();
      if (roll < 0.35) {
        model.touch(key);
        documents.touch(key, model.end);
      } else if (roll < 0.75) {
        const count = Math.max(0, (model.totals.get(key) ?? 0) - below(2));
        model.see(key, count);
        documents.see(key, { offset: model.end, count });
      } else if (roll < 0.85) {
        model.forget(key);
        documents.forget(key);
      } else if (roll < 0.97) {
        const certain = model.end - below(20);
        model.prune(certain);
        documents.prune(certain);
      } else {
        const offset = model.end - below(40);
        model.forgetFrom(offset);
        documents.forgetFrom(offset);
      }
      const owing = [...model.rows].filter(([, { isOwed }]) => isOwed).map(([each]) => each);
      const when = `seed ${seed}, step ${step}`;
      assert.equal(documents.owing().sort(), owing.sort(), when);
      assert.is(documents.owed, owing.length, when);
      assert.is(documents.needsScan, model.needsScan, when);
      for (let index = 0; index < INDEXES; index++) {
        for (let day = 20_000; day < 20_000 + DAYS; day++) {
          const row = model.rows.get(keyOf(index, day));
          const each = keyOf(index, day);
          assert.equal(
            [documents.isKnown(each), documents.confirmed(each)],
            [row?.isKnown ?? false, row?.count ?? 0],
            `${when}: ${index} on ${day}`,
          );
        }
      }
    }
  }
});

test.run();
