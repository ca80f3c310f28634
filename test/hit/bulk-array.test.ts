import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { ArrayReader } from "../../src/hit/bulk-array.js";
import { MAX_LINE_BYTES } from "../../src/hit/bulk-lines.js";
import { parseHit } from "../../src/hit/parse-hit.js";
import { KeptEntries } from "../support/kept-entries.js";

const NOW = Date.UTC(2026, 0, 15, 12);

function read(body: Buffer | string): KeptEntries {
  const entries = new KeptEntries();
  const reader = new ArrayReader(Buffer.from(body), NOW, entries);
  while (reader.read(3));
  return entries;
}

/** What the reader makes of a body, as text. */
function outcome(read: () => KeptEntries): string {
  try {
    const { hits, rejected } = read();
    return JSON.stringify({ hits, rejected });
  } catch (error) {
    if (error instanceof HitsError) return error.code;
    throw error;
  }
}

/** The same for a body that is parsed as a whole. */
function whole(text: string): KeptEntries {
  const entries = new KeptEntries();
  let values: unknown;
  try {
    // A byte order mark is not JSON's, but may precede it.
    values = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new HitsError("INVALID_BODY", "");
  }
  if (!Array.isArray(values)) throw new HitsError("INVALID_BODY", "");
  for (const value of values) entries.add(() => parseHit(value, NOW));
  return entries;
}

function assertSame(text: string): void {
  assert.is(`${text} ${outcome(() => read(text))}`, `${text} ${outcome(() => whole(text))}`);
}

const space = fc.constantFrom("", "", " ", "\t", "\r\n", "\n");
const hit = fc.record(
  { counter: fc.string(), n: fc.integer({ min: -1, max: 5 }), payload: fc.object() },
  { requiredKeys: ["counter"] },
);
const value = fc.oneof(hit, fc.jsonValue({ noUnicodeString: false }));

test("valid arrays are read as JSON.parse reads them", () => {
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 6 }),
      space,
      fc.constantFrom(undefined, 1, "\t"),
      (values, around, indent) => {
        assertSame(`${around}${JSON.stringify(values, null, indent)}${around}`);
        assertSame(
          `${around}[${around}${values.map((one) => JSON.stringify(one)).join(`${around},${around}`)}${around}]`,
        );
      },
    ),
    { numRuns: 1000 },
  );
});

test("broken arrays are refused as JSON.parse refuses them", () => {
  const pieces = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    '"',
    '"a"',
    "\\",
    "1",
    '{"counter":"a"}',
    "null",
    " ",
    "\u0085",
    "\ufeff",
    "-",
    "tru",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (all) => {
      assertSame(all.join(""));
      assertSame(`[${all.join("")}]`);
      assertSame(`[{"counter":"a"},${all.join("")}`);
    }),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(
      fc.array(hit, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      fc.constantFrom(...pieces),
      (hits, at, piece) => {
        const text = JSON.stringify(hits);
        const cut = at % text.length;
        assertSame(text.slice(0, cut));
        assertSame(text.slice(0, cut) + text.slice(cut + 1));
        assertSame(text.slice(0, cut) + piece + text.slice(cut));
      },
    ),
    { numRuns: 2000 },
  );
});

test("other bodies are refused", () => {
  const bodies = [
    Buffer.from('[{"counter":"\xff"}]', "latin1"),
    "",
    " ",
    "{}",
    "5",
    '[{"counter":"a"}]]',
    '[{"counter":"a"}] x',
    `[${"[".repeat(999)}[${"]".repeat(1000)}]`,
    "[".repeat(100_000),
  ];
  for (const body of bodies)
    assert.is(
      outcome(() => read(body)),
      "INVALID_BODY",
      String(body).slice(0, 20),
    );
  assert.is(read(`[${"[".repeat(999)}${"]".repeat(999)}]`).rejectedCount, 1);
  assert.is(read('\ufeff[{"counter":"a"}]').hits.length, 1);
});

test("elements are as long as lines at most", () => {
  const element = (bytes: number) => `{"counter":"a","payload":{}${" ".repeat(bytes - 28)}}`;
  const entries = read(`[${element(MAX_LINE_BYTES)},${element(MAX_LINE_BYTES + 1)},{"counter":"b"}]`);
  assert.equal(
    entries.hits.map(({ counter }) => counter),
    ["a", "b"],
  );
  assert.equal(entries.rejected, [{ index: 1, code: "BODY_TOO_LARGE", detail: "the element must be at most 64 KiB" }]);
});

test("reading ends at the thousandth malformed element", () => {
  assert.throws(() => read(`[${"{},".repeat(2_700_000)}{}]`), /entry 999; the rest was not read/);
});

test.run();
