import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { counterInQuery, NameCache } from "../../src/http/counter-name.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const MIB = 1024 * 1024;
const COUNT = 4000;
/** Long enough that what is kept of each shows. */
const URL_LENGTH = 16_000;

/** Returns the bytes that stay in use after `keep` has been given as many URLs as the cache holds, each once. */
function keptBytes(keep: (url: string) => unknown): number {
  const kept: unknown[] = [];
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < COUNT; i++) {
    const url = Buffer.alloc(URL_LENGTH, `/hits/a-counter-with-a-long-name-${i}?`).toString("latin1");
    kept.push(keep(url));
  }
  collectGarbage();
  const after = process.memoryUsage().heapUsed;
  assert.is(kept.length, COUNT);
  return after - before;
}

test("neither the cache of names nor a name keeps the URL that it was in", () => {
  const cache = new NameCache();
  const segment = (url: string) => url.slice("/hits/".length, url.indexOf("?"));
  // 61 MiB of URLs pass.
  const names = keptBytes((url) => cache.get(segment(url)).name);
  assert.ok(names < 8 * MIB, `${names} bytes`);
  const inQuery = keptBytes((url) => counterInQuery(`counter=${segment(url)}&${url}`, "counter"));
  assert.ok(inQuery < 8 * MIB, `${inQuery} bytes`);
});

test("a name in a path is decoded and checked, the second time from the cache", () => {
  const cache = new NameCache();
  const first = cache.get("%2Fblog%2Fpost");
  assert.equal(first, { name: "/blog/post", json: '"/blog/post"' });
  assert.is(cache.get("%2Fblog%2Fpost"), first);
  assert.throws(() => cache.get("%E0%A4%A"), /percent-encoded/);
});

test.run();
