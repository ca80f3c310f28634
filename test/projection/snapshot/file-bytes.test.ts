import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FileBytes } from "../../../src/projection/snapshot/file-bytes.js";
import { replaceFile } from "../../../src/wal/whole-file.js";
import { MemoryFileSystem } from "../../support/memory-file-system.js";

const CONTENT = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => (at * 7) % 251));

async function opened(from: number, to: number) {
  const fs = new MemoryFileSystem({ durableWrites: true });
  await fs.makeDirectory("/d");
  await replaceFile(fs, "/d/f", [CONTENT]);
  return new FileBytes(await fs.open("/d/f", "read"), from, to);
}

test("all bytes of the range, in order, however many at a time", async () => {
  const size = fc.oneof(fc.nat(20), fc.nat(100_000), fc.constantFrom(262_143, 262_144, 262_145, 500_000));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { maxLength: 12 }), fc.nat(1000), async (sizes, from) => {
      const to = CONTENT.length - 17;
      const bytes = await opened(from, to);
      let at = from;
      for (const one of sizes) {
        const target = Buffer.alloc(Math.min(one, to - at));
        await bytes.fill(target);
        assert.ok(target.equals(CONTENT.subarray(at, at + target.length)), `from ${at}`);
        at += target.length;
        assert.is(bytes.left, to - at);
      }
    }),
    { numRuns: 50 },
  );
});

test("more than there is is an error, also if the file is shorter than it was", async () => {
  const isRangeError = (error: unknown) => error instanceof RangeError;
  assert.ok(await (await opened(0, 10)).fill(Buffer.alloc(11)).then(() => false, isRangeError));
  const cut = await opened(CONTENT.length - 5, CONTENT.length + 5);
  assert.ok(await cut.fill(Buffer.alloc(8)).then(() => false, isRangeError));
});

test.run();
