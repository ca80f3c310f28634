import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { MAX_MALFORMED } from "../../src/hit/bulk-entries.js";
import { fastHit, LineReader, MAX_LINE_BYTES, MAX_PARSED_DEPTH, parseLine } from "../../src/hit/bulk-lines.js";
import { type Hit, MAX_AHEAD_MS } from "../../src/model/hit.js";
import { KeptEntries } from "../support/kept-entries.js";

const NOW = Date.UTC(2026, 0, 15, 12);

function slowly(line: string): Hit | undefined {
  try {
    return parseLine(line, NOW);
  } catch (error) {
    if (error instanceof HitsError) return undefined;
    throw error;
  }
}

/** `fastHit` may decline any line, but a hit that it returns is the one that `parseLine` returns. */
function assertSame(line: string): void {
  const fast = fastHit(`x\n${line}\ny`, 2, 2 + line.length, NOW);
  if (fast !== undefined) assert.equal({ line, hit: fast }, { line, hit: slowly(line) });
}

// Near misses matter most: pieces of the common form, some of them wrong, put together at random.
const piece = fc.constantFrom(
  ...['{"counter":"', "home", "a b", "é", "\\u0041", "\\", '"', "..", ".", "}", ',"n":', "5", "0", "05", "1.5", "1e3"],
  ...[
    "-1",
    "1000000000",
    "1000000001",
    "99999999999",
    ',"at":"',
    '"}',
    "2026-01-15T12:00:00Z",
    "2026-01-15T12:00:00.5Z",
  ],
  ...["2026-01-15T11:59:59.999Z", "2026-02-30T00:00:00Z", "2026-01-15T24:00:00Z", "2026-01-15T12:05:00Z", "\t", "\r"],
  ...[
    "2026-01-15T12:05:01Z",
    "1969-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    ',"id":"k"',
    ",",
    " ",
    "\u0085",
    "\ud800",
  ],
);
const name = fc.oneof(
  fc.constantFrom("home", "/blog/post", "..", ".", "", "x".repeat(1025)),
  fc.string({ unit: "binary" }),
);
const n = fc.oneof(
  fc.constant(""),
  fc.oneof(fc.integer(), fc.double()).map((value) => `,"n":${value}`),
);
const time = fc
  .date({ min: new Date(-1), max: new Date(NOW + 2 * MAX_AHEAD_MS), noInvalidDate: true })
  .map((date) => date.toISOString());
const at = fc.oneof(
  fc.constant(""),
  time.map((text) => `,"at":"${text}"`),
  time.map((text) => `,"at":"${text.slice(0, 19)}Z"`),
);

test("fastHit returns what parseLine returns: lines of the common form", () => {
  fc.assert(
    fc.property(name, n, at, (counter, number, when) => {
      assertSame(`{"counter":"${counter}"${number}${when}}`);
      assertSame(`{"counter":${JSON.stringify(counter)}${number}${when}}`);
    }),
    { numRuns: 3000 },
  );
});

test("fastHit returns what parseLine returns: lines that nearly have that form", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      assertSame(pieces.join(""));
      assertSame(`{"counter":"home"${pieces.join("")}`);
      assertSame(`{"counter":"home${pieces.join("")}"}`);
    }),
    { numRuns: 5000 },
  );
});

test("fastHit takes lines of the common form", () => {
  const lines: [string, Hit][] = [
    ['{"counter":"home"}', { counter: "home", n: 1 }],
    ['{"counter":"/blog/a b?c=d"}', { counter: "/blog/a b?c=d", n: 1 }],
    ['{"counter":"__proto__","n":1000000000}', { counter: "__proto__", n: 1_000_000_000 }],
    ['{"counter":"a","at":"2026-01-15T12:00:00Z"}', { counter: "a", n: 1, at: NOW }],
    ['{"counter":"a","n":7,"at":"2026-01-15T12:05:00.000Z"}', { counter: "a", n: 7, at: NOW + MAX_AHEAD_MS }],
    ['{"counter":"a","at":"2024-02-29T23:59:59.999Z"}', { counter: "a", n: 1, at: Date.UTC(2024, 2, 1) - 1 }],
  ];
  for (const [line, hit] of lines) {
    // Twice: the second time the name is cached.
    assert.equal(fastHit(line, 0, line.length, NOW), hit);
    assert.equal(fastHit(line, 0, line.length, NOW), hit);
    assert.equal(slowly(line), hit);
  }
});

test("fastHit declines lines that nearly have the form", () => {
  const endings = [
    '"',
    '"}}',
    '"} ',
    '","n":05}',
    '","n":0}',
    '","n":}',
    '","n":1000000001}',
    '","n":1.5}',
    '","n":1e3}',
  ];
  const times = ["12:00:00", "24:00:00Z", "12:60:00Z", "12:00:60Z", "12:05:00.001Z", "12:00:00.5Z", "12:00:00+00:00"];
  for (const time of times) endings.push(`","at":"2026-01-15T${time}"}`);
  for (const day of ["2026-02-30", "1969-12-31", "2025-02-29", "2026-13-01"])
    endings.push(`","at":"${day}T12:00:00Z"}`);
  for (const line of [
    ...endings.map((ending) => `{"counter":"a${ending}`),
    '{"counter":".."}',
    '{"counter":"\\u0061"}',
  ]) {
    assert.is(fastHit(line, 0, line.length, NOW), undefined, line);
  }
});

function read(text: string, maxLines = 1000): KeptEntries {
  const entries = new KeptEntries();
  const reader = new LineReader(Buffer.from(text), NOW, entries);
  while (reader.read(maxLines));
  return entries;
}

test("lines: blank ones are numbered too, with any line ending, and any number of lines read at a time", () => {
  const text = '\n{"counter":"a"}\r\n  \t\r\n{"counter": "b"}\n\nnope\n{"counter":"c"}\r';
  for (const maxLines of [1, 2, 3, 1000]) {
    const entries = read(text, maxLines);
    assert.equal(
      entries.hits.map(({ counter }) => counter),
      ["a", "b", "c"],
    );
    assert.equal(entries.rejected, [{ index: 5, code: "INVALID_BODY", detail: "the line is not JSON" }]);
  }
  for (const empty of ["", "\n", "\r", "\r\n\n \n"]) {
    const { hits, rejectedCount } = read(empty);
    assert.equal({ hits, rejectedCount }, { hits: [], rejectedCount: 0 });
  }
});

test("lines: too long, too deep", () => {
  const long = (bytes: number) => `{"counter":"a","payload":{}${" ".repeat(bytes - 28)}}`;
  assert.is(read(long(MAX_LINE_BYTES)).hits.length, 1);
  assert.is(read(long(MAX_LINE_BYTES + 1)).rejected[0]?.code, "BODY_TOO_LARGE");
  const wide = `{"counter":"${"é".repeat(MAX_LINE_BYTES / 2)}"}`;
  assert.is(read(wide).rejected[0]?.code, "BODY_TOO_LARGE");
  for (const depth of [65, MAX_PARSED_DEPTH / 2, 10_000]) {
    const deep = `{"counter":"a","payload":${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}}`;
    assert.is(read(deep).rejected[0]?.code, "INVALID_BODY", String(depth));
    const how =
      depth === 10_000 ? "the line must be nested at most 1000 deep" : "the payload must be nested at most 64 deep";
    assert.is(read(deep).rejected[0]?.detail, how);
  }
});

test("lines: what is decoded at once does not show", () => {
  // Lines of all lengths, so that decoding ends at each place in some line, and long ones between.
  const lines = Array.from({ length: 2500 }, (_, i) => `{"counter":"${"é".repeat(i % 97)}-${i}"}`);
  for (const at of [2000, 1000, 0])
    lines.splice(at, 0, "x".repeat(MAX_LINE_BYTES + 1 + at), "y".repeat(MAX_LINE_BYTES));
  for (const end of ["\n", "\r\n"]) {
    const entries = read(`\ufeff${lines.join(end)}`, 7);
    const names = lines.flatMap((line) => /^\{"counter":"(.*)"\}$/.exec(line)?.[1] ?? []);
    assert.equal(
      entries.hits.map(({ counter }) => counter),
      names,
    );
    const expected = [0, 1, 1002, 1003, 2004, 2005].map(
      (index, i) => `${index} ${i % 2 === 0 ? "BODY_TOO_LARGE" : "INVALID_BODY"}`,
    );
    assert.equal(
      entries.rejected.map(({ index, code }) => `${index} ${code}`),
      expected,
    );
  }
});

test("entries: reading ends at the thousandth malformed one", () => {
  const lines = '{"counter":"a"}\nx\n';
  assert.is(read(lines.repeat(MAX_MALFORMED - 1)).rejectedCount, MAX_MALFORMED - 1);
  const entries = new KeptEntries();
  const reader = new LineReader(Buffer.from(lines.repeat(5000)), NOW, entries);
  assert.throws(
    () => reader.read(10_000),
    (error: unknown) => {
      return (
        error instanceof HitsError &&
        error.code === "INVALID_BODY" &&
        /entry 1999; the rest was not read/.test(error.message)
      );
    },
  );
  assert.is(entries.rejectedCount, MAX_MALFORMED);
});

test("entries: the first 100 rejections are kept, by index, however they were refused", () => {
  const late = new HitsError("TOO_MANY_COUNTERS", "no");
  const entries = new KeptEntries(({ counter }) => (counter === "bad" ? late : undefined));
  const error = new HitsError("INVALID_N", "no");
  for (let i = 0; i < 300; i++) {
    if (i % 3 === 0) entries.reject(error);
    else entries.accept({ counter: i % 3 === 1 ? "good" : "bad", n: 1 });
  }
  assert.is(entries.hits.length, 100);
  assert.is(entries.rejectedCount, 200);
  assert.equal(
    entries.rejected.map(({ index }) => index),
    Array.from({ length: 150 }, (_, i) => i).filter((i) => i % 3 !== 1),
  );
  assert.equal(entries.rejected[1], { index: 2, code: "TOO_MANY_COUNTERS", detail: "no" });
});

test.run();
