import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { checkCounterName, parseAt, parseHit, parseId, parseN, parsePayload } from "../../src/hit/parse-hit.js";
import { MAX_PAYLOAD_DEPTH } from "../../src/model/hit.js";

const NOW = Date.UTC(2026, 0, 15, 12);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof HitsError ? error.code : `not a HitsError: ${error}`;
  }
  return "accepted";
}

test("valid names", () => {
  for (const name of ["home", "/blog/post", "__proto__", "$inc", "a.b.c", "...", "🎉", " ", "é", "x".repeat(1024)]) {
    checkCounterName(name);
  }
  checkCounterName("é".repeat(512));
});

test("invalid names", () => {
  const bad = [
    "",
    ".",
    "..",
    "x".repeat(1025),
    "é".repeat(513),
    "a\nb",
    "\u0000",
    "\u007f",
    "\u0085",
    "\ud800",
    "a\udc00",
  ];
  for (const name of bad)
    assert.is(
      codeOf(() => checkCounterName(name)),
      "INVALID_COUNTER",
      JSON.stringify(name),
    );
});

test("n", () => {
  assert.is(parseN(1), 1);
  assert.is(parseN("5"), 5);
  assert.is(parseN(1_000_000_000), 1_000_000_000);
  for (const n of [0, -1, 1.5, 1e10, "1.5", "0", "", " 1", "1e3", "0x10", null, {}, Number.NaN, "10000000000"]) {
    assert.is(
      codeOf(() => parseN(n)),
      "INVALID_N",
      String(n),
    );
  }
});

test("at: RFC 3339 and epoch milliseconds, at most five minutes ahead", () => {
  assert.is(parseAt("2015-05-17T10:05:03.000Z", NOW), Date.UTC(2015, 4, 17, 10, 5, 3));
  assert.is(parseAt("2015-05-17T12:05:03+02:00", NOW), Date.UTC(2015, 4, 17, 10, 5, 3));
  assert.is(parseAt(NOW + 300_000, NOW), NOW + 300_000);
  assert.is(parseAt(1.9, NOW), 1);
  const bad = [NOW + 300_001, NOW + 3_600_000, "yesterday", "2015-02-30T00:00:00Z", "2015-05-17", -1, Number.NaN, null];
  for (const at of bad)
    assert.is(
      codeOf(() => parseAt(at, NOW)),
      "INVALID_AT",
      String(at),
    );
});

test("id", () => {
  assert.is(parseId("abc"), "abc");
  for (const id of ["", "x".repeat(256), 5, null, "a\nb", "\ud800"])
    assert.is(
      codeOf(() => parseId(id)),
      "INVALID_ID",
    );
});

test("payload: an object, bounded in depth and size", () => {
  assert.is(parsePayload({ a: [1, { b: null }] }), '{"a":[1,{"b":null}]}');
  const nest = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`) as unknown;
  parsePayload(nest(MAX_PAYLOAD_DEPTH));
  assert.is(
    codeOf(() => parsePayload(nest(MAX_PAYLOAD_DEPTH + 1))),
    "INVALID_BODY",
  );
  assert.is(
    codeOf(() => parsePayload(nest(5000))),
    "INVALID_BODY",
  );
  for (const value of [[], null, 1, "x", undefined])
    assert.is(
      codeOf(() => parsePayload(value)),
      "INVALID_BODY",
    );
  assert.is(
    codeOf(() => parsePayload({ a: "x".repeat(16 * 1024) })),
    "BODY_TOO_LARGE",
  );
});

test("a hit of a bulk request", () => {
  assert.equal(parseHit({ counter: "a" }, NOW), { counter: "a", n: 1 });
  assert.equal(parseHit({ counter: "a", n: 5, at: 7, id: "k", payload: { x: 1 } }, NOW), {
    counter: "a",
    n: 5,
    at: 7,
    id: "k",
    payload: '{"x":1}',
  });
  assert.equal(parseHit(JSON.parse('{"counter":"__proto__"}'), NOW), { counter: "__proto__", n: 1 });
  const bad: [unknown, string][] = [
    [null, "INVALID_BODY"],
    [[], "INVALID_BODY"],
    ["a", "INVALID_BODY"],
    [{}, "INVALID_COUNTER"],
    [{ counter: 5 }, "INVALID_COUNTER"],
    [{ counter: "" }, "INVALID_COUNTER"],
    [{ counter: "a", n: "5" }, "INVALID_N"],
    [{ counter: "a", count: 5 }, "INVALID_BODY"],
    [{ counter: "a", at: "soon" }, "INVALID_AT"],
    [{ counter: "a", payload: [] }, "INVALID_BODY"],
    [JSON.parse('{"counter":"a","__proto__":{}}'), "INVALID_BODY"],
  ];
  for (const [value, code] of bad)
    assert.is(
      codeOf(() => parseHit(value, NOW)),
      code,
      JSON.stringify(value),
    );
});

test.run();
