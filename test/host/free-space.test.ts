import { statfsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreeSpace } from "../../src/host/free-space.js";
import { temporaryDirectory } from "../support/server-process.js";

test("what an unprivileged process may use of the volume, asked once for many at once", async () => {
  let asked = 0;
  const space = new FreeSpace("/log", async (directory) => {
    asked++;
    assert.is(directory, "/log");
    return { bavail: 3, bsize: 4096 };
  });
  assert.equal(await Promise.all([space.bytes(), space.bytes()]), [12_288, 12_288]);
  assert.is(await space.bytes(), 12_288);
  assert.is(asked, 1);
});

test("a real volume", async () => {
  const directory = temporaryDirectory();
  const { blocks, bsize } = statfsSync(directory);
  const bytes = (await new FreeSpace(directory).bytes()) ?? Number.NaN;
  assert.ok(bytes > 0 && bytes <= blocks * bsize, `${bytes} bytes`);
});

test("a volume that fails, and one that hangs: unknown, and nobody is kept waiting", async () => {
  const failing = new FreeSpace("/log", async () => {
    throw new Error("EIO");
  });
  assert.is(await failing.bytes(), undefined);
  let asked = 0;
  let answer: (volume: { bavail: number; bsize: number }) => void = () => undefined;
  const hanging = new FreeSpace("/log", () => {
    asked++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  // Keeps the process alive: the time of waiting does not.
  const alive = setInterval(() => undefined, 1000);
  try {
    assert.is(await hanging.bytes(), undefined);
    assert.is(await hanging.bytes(), undefined);
    assert.is(asked, 1, "one thread hangs with it, not more");
    answer({ bavail: 1, bsize: 512 });
    await new Promise((resolve) => setImmediate(resolve));
    assert.is(await hanging.bytes(), 512);
  } finally {
    clearInterval(alive);
  }
});

test.run();
