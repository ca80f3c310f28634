import { test } from "uvu";
import * as assert from "uvu/assert";
import { AllowedCounters, splitGlobs } from "../../src/hit/name-globs.js";

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

test.run();
