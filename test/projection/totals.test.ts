import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { maxNameBytes, Totals } from "../../src/projection/totals.js";

test("counts by name; never seen is 0", () => {
  const totals = new Totals();
  const home = totals.indexOf("home");
  assert.is(totals.add(home, 1), 1);
  assert.is(totals.add(totals.indexOf("home"), 2), 3);
  totals.add(totals.indexOf("__proto__"), 5);
  assert.is(totals.count("home"), 3);
  assert.is(totals.count("__proto__"), 5);
  assert.is(totals.count("constructor"), 0);
  assert.is(totals.has("constructor"), false);
  assert.is(totals.size, 2);
  assert.is(totals.sum, 8);
});

test("a name by its index, also in a later chunk", () => {
  const totals = new Totals();
  const names = ["home", "", "é".repeat(512), ...Array.from({ length: 2500 }, (_, i) => `${i}`.padEnd(1000, "é"))];
  const stored = names.map((name) => (Buffer.byteLength(name) > 1024 ? name.slice(0, 500) : name));
  for (const name of stored) totals.indexOf(name);
  for (const [index, name] of stored.entries()) assert.is(totals.nameAt(index), name);
  assert.throws(() => new Totals().nameAt(0), /no counter has the index 0/);
});

test("across 2^31 and up to 2^53", () => {
  const totals = new Totals();
  const index = totals.indexOf("big");
  totals.add(index, 2 ** 31 - 1);
  assert.is(totals.add(index, 2), 2 ** 31 + 1);
  assert.is(totals.add(index, 2 ** 53 - 1 - 2 ** 31 - 1), 2 ** 53 - 1);
});

test("an image stays as it was, whatever is added later", () => {
  const totals = new Totals();
  totals.add(totals.indexOf("a"), 1);
  const image = totals.image();
  totals.add(totals.indexOf("a"), 1);
  totals.add(totals.indexOf("b"), 1);
  assert.is(image.size, 1);
  assert.equal([...image.counts], [1]);
  const restored = new Totals();
  assert.ok(restored.restore(image.counts, image.remote, bytesOf(image)));
  assert.is(restored.count("a"), 1);
  assert.is(restored.has("b"), false);
});

test("image and restore, for any names, over several chunks and growths", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.string({ minLength: 1, maxLength: 300, unit: "grapheme" }), { maxLength: 60 }),
      async (names) => {
        const totals = new Totals();
        for (const [index, name] of names.entries()) totals.add(totals.indexOf(name), index + 1);
        const restored = new Totals();
        const bytes = bytesOf(totals.image());
        assert.is(restored.restore(totals.image().counts, totals.image().remote, bytes), bytes.length);
        for (const [index, name] of names.entries()) assert.is(restored.count(name), index + 1);
        assert.equal(await restored.order.page("", undefined, 1000), [...names].sort());
      },
    ),
    { numRuns: 50 },
  );
  const many = new Totals();
  for (let i = 0; i < 5000; i++) many.add(many.indexOf(`${i}${"x".repeat(1000)}`), i);
  assert.ok(many.image().names.length > 4, "several chunks");
  const restored = new Totals();
  assert.ok(restored.restore(many.image().counts, many.image().remote, bytesOf(many.image())));
  assert.is(restored.count(`4999${"x".repeat(1000)}`), 4999);
  assert.is(restored.sum, many.sum);
});

test("names are restored piece by piece; those that don't match the counts are detected", () => {
  const totals = new Totals();
  totals.add(totals.indexOf("a"), 1);
  totals.add(totals.indexOf("bc"), 2);
  const { counts, remote, ...image } = totals.image();
  const names = bytesOf({ counts, remote, ...image });
  for (let length = 0; length <= names.length; length++) {
    const pieces = new Totals();
    const used = pieces.restore(counts, remote, names.subarray(0, length)) ?? -1;
    assert.is(used, length < 3 ? 0 : length < 7 ? 3 : 7);
    assert.is(pieces.restore(counts, remote, names.subarray(used)), names.length - used);
    assert.equal([pieces.count("a"), pieces.count("bc"), pieces.size], [1, 2, 2]);
  }
  assert.is(new Totals().restore(counts.slice(0, 1), remote, names), undefined, "more names than counts");
  const twice = Buffer.concat([names.subarray(0, 3), names.subarray(0, 3)]);
  assert.is(new Totals().restore(counts, remote, twice), undefined, "one name twice");
});

function bytesOf(image: ReturnType<Totals["image"]>): Buffer {
  return Buffer.concat(image.names.map(({ buffer, used }) => Buffer.from(buffer, 0, used)));
}

test("the bytes of all names are counted, restored ones too", () => {
  const totals = new Totals();
  for (const name of ["home", "é🎉", "home", "x".repeat(1024)]) totals.indexOf(name);
  assert.is(totals.nameBytes, 4 + 6 + 1024);
  const image = totals.image();
  const restored = new Totals();
  assert.ok(restored.restore(image.counts, image.remote, bytesOf(image)));
  assert.is(restored.nameBytes, totals.nameBytes);
  assert.equal([maxNameBytes(10), maxNameBytes(1_000_000)], [2 ** 20, 128_000_000]);
});

test("a name keeps nothing of the text that it was part of in memory", () => {
  const totals = new Totals();
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc");
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 40; i++) {
    const body = `{"counter":"/a/long/path/${i}"}`.padEnd(2 ** 20, " ");
    totals.indexOf(body.slice(12, 25 + String(i).length));
  }
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - before;
  assert.is(totals.find("/a/long/path/39"), 39);
  assert.ok(grown < 10 * 2 ** 20, `${grown} bytes`);
});

test.run();
