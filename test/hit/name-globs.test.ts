import fc from "fast-check";
import picomatch from "picomatch";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AllowedCounters, expandGlobs, nameMatcher, splitGlobs } from "../../src/hit/name-globs.js";

function allows(globs: readonly string[], name: string): boolean {
  const refused = new AllowedCounters(globs).refuse(name);
  if (refused !== undefined) assert.is(refused.code, "COUNTER_NOT_ALLOWED");
  return refused === undefined;
}

test("a star matches any text: names are no paths", () => {
  const table: [string, string, boolean][] = [
    ["*", "/blog/post", true],
    ["*", ".hidden", true],
    ["*", "./a", true],
    ["*", "a/", true],
    ["home", "home", true],
    ["home", "Home", false],
    ["home", "home2", false],
    ["/blog/*", "/blog/a/b", true],
    ["/blog/*", "/blogs", false],
    ["/blog/**", "/blog/a", true],
    ["page:*", "page:1", true],
    ["*.html", "/a/.b.html", true],
    ["{a,b}*", "b1", true],
    ["{a,b}*", "c1", false],
    ["a[0-9]", "a3", true],
    ["a[0-9]", "ax", false],
    ["?", "ä", true],
    ["!x", "y", false],
    ["!x", "!x", true],
    ["a?", "a/", false],
    ["[!a-c]", "d", true],
    ["[!a-c]", "b", false],
    ["[^a]", "/", false],
    ["[]-]", "-", true],
    ["[a", "[a", true],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["{a,b{c,}}x", "bx", true],
    ["{a}", "{a}", true],
    ["{a,{b}", "{a,{b}", true],
    ["/a/**/b", "/a/b", true],
    ["/a/**/b", "/a/x/y/b", true],
    ["**/b", "b", true],
    ["**/b", "ab", false],
    ["***/b", "b", false],
    ["a/***/b", "a/b", false],
    ["*/*", "a/", true],
    ["*ab*ab", "ab", false],
    ["*ab*ab", "abab", true],
    ["*a?c*", "aabc", true],
  ];
  for (const [glob, name, expected] of table) assert.is(allows([glob], name), expected, `${glob} ${name}`);
});

test("one glob of several is enough; a cached result is the same", () => {
  const allow = new AllowedCounters(["home", "/blog/*"]);
  for (let round = 0; round < 2; round++) {
    assert.is(allow.refuse("/blog/1"), undefined);
    assert.is(allow.refuse("other")?.code, "COUNTER_NOT_ALLOWED");
  }
});

test("cached results are evicted, and computed again", () => {
  const allow = new AllowedCounters(["a*"]);
  for (let i = 0; i < 20_000; i++) assert.is(allow.refuse(`a${i}`), undefined);
  assert.is(allow.refuse("a1"), undefined);
  assert.is(allow.refuse("b1")?.code, "COUNTER_NOT_ALLOWED");
});

test("a list is split at commas and spaces outside braces", () => {
  assert.equal(splitGlobs(" home, /blog/*  {a,b}*,"), ["home", "/blog/*", "{a,b}*"]);
  assert.equal(splitGlobs(" , "), []);
  assert.equal(splitGlobs("a}b,c"), ["a}b", "c"]);
});

const piece = fc.constantFrom("a", "b", "/", "*", "?", "[ab]", "[^a]", "{a,b}", "{/,*b}", "{a,b/{*,a}}", "a.");
const text = fc
  .array(fc.constantFrom("a", "b", "c", "/", ".a"), { minLength: 1, maxLength: 7 })
  .map((all) => all.join(""))
  // To picomatch, nothing follows the last slash that a star could match: `*/*` does not match `a/`, which it does here.
  .filter((name) => !name.endsWith("/"));

test("a glob matches what picomatch matches", () => {
  const options = { bash: true, dot: true, nonegate: true, windows: false, strictSlashes: true };
  let matched = 0;
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 6 }),
      fc.array(text, { minLength: 8, maxLength: 8 }),
      (pieces, names) => {
        const glob = pieces.join("");
        // Only picomatch has `a/**/` match `a` too.
        fc.pre(!glob.includes("/**"));
        const [ours, theirs] = [nameMatcher([glob]), picomatch(glob, options)];
        for (const name of names) {
          assert.is(ours(name), theirs(name), `${glob} ${name}`);
          if (ours(name)) matched++;
        }
      },
    ),
    { numRuns: 2000, seed: 1 },
  );
  assert.ok(matched > 500, `only ${matched} names matched`);
});

test("the time to match a name does not explode with the stars", () => {
  const globs = ["*/*/*/*/*/*/*/*/*.html", "*a*a*a*a*a*a*a*a*b", "*[/a]*?a*[!b]*?x"];
  const matches = nameMatcher(Array.from({ length: 100 }, () => globs).flat());
  const names = ["/".repeat(1024), "a".repeat(1024), "/a".repeat(512)];
  const since = performance.now();
  for (const name of names) assert.is(matches(name), false);
  // A few milliseconds; with backtracking, years.
  assert.ok(performance.now() - since < 5000);
});

test("alternatives in braces are bounded", () => {
  assert.is(expandGlobs(["{a,b}".repeat(9)])?.length, 512);
  assert.is(expandGlobs(["{a,b}".repeat(10)]), undefined);
  assert.is(expandGlobs(["{a,b}".repeat(1000)]), undefined);
  assert.is(expandGlobs(Array.from({ length: 1000 }, () => "a"))?.length, 1000);
  assert.is(expandGlobs(["{a,b}", ...Array.from({ length: 999 }, () => "a")]), undefined);
  assert.throws(() => nameMatcher(["{a,b}".repeat(10)]), /1000 globs/);
});

test.run();
