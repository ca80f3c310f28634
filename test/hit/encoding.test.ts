import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeHits } from "../../src/hit/encoding.js";
import { storedHits } from "../../src/hit/record.js";

/** More names than are cached. */
const NAMES = Array.from({ length: 20_000 }, (_, i) => `page-${i}`);

function readBack(names: readonly string[]): string[] {
  const buffer = encodeHits(names.map((counter) => ({ counter, n: 1 })));
  const place = {
    baseOffset: 0,
    endOffset: names.length,
    time: 1,
    epoch: 1,
    nonce: "",
    segment: 0,
    byte: 0,
    endByte: 0,
  };
  const batch = { ...place, count: names.length, buffer, recordsStart: 0, recordsEnd: buffer.length };
  return [...storedHits(batch)].map(({ counter }) => counter);
}

test("names evicted during a call are written in full again", () => {
  const names = NAMES.flatMap((name, i) => [name, NAMES[i % 7] ?? "", NAMES[NAMES.length - 1 - i] ?? ""]);
  assert.equal(readBack(names), names);
});

test("a name written in one call is written in full in the next", () => {
  for (let call = 0; call < 3; call++) assert.equal(readBack(["home", "blog", "home"]), ["home", "blog", "home"]);
});

test.run();
