import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseLine } from "../../../src/hit/bulk-lines.js";
import { checkCounterName, parseAt, parseHit, parseId, parsePayload } from "../../../src/hit/parse-hit.js";
import { openApiDocument } from "../../../src/http/openapi/document.js";
import { MAX_AHEAD_MS, MAX_N } from "../../../src/model/hit.js";

const ajv = new Ajv2020({ strict: false, formats: {} }).addSchema(openApiDocument(), "openapi");
const matchesSchema = ajv.compile<Record<string, unknown>>({ $ref: "openapi#/components/schemas/HitEntry" });

function isAccepted(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

function isTaken(value: unknown): boolean {
  return isAccepted(() => parseHit(value, Date.now()));
}

/** Parsed as a line of a bulk request: JSON has no `undefined`, and has keys that literals can't have. */
function isLineTaken(line: string): boolean {
  return isAccepted(() => parseLine(line, Date.now()));
}

/** Checks what JSON Schema cannot express: bytes of UTF-8, the calendar, this server's clock, depth. */
function keepsUnwrittenRules({ counter, at, id, payload }: Record<string, unknown>): boolean {
  return isAccepted(() => {
    checkCounterName(String(counter));
    if (at !== undefined) parseAt(at, Date.now());
    if (id !== undefined) parseId(id);
    if (payload !== undefined) parsePayload(payload);
  });
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom("a", "é", "\u0000", "\u007f", "\u009f", "\ud800", "\udc00", "😀", "."),
    maxLength: 5,
  }),
  fc.constantFrom("", ".", "..", "...", ".a", "home", "/blog/post"),
  // Around the bounds of names and ids, in bytes.
  fc.tuple(fc.constantFrom("a", "é", "€", "😀"), fc.integer({ min: 60, max: 1030 })).map(([one, n]) => one.repeat(n)),
);
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 1, 1.5, MAX_N, MAX_N + 1, 2 ** 53, -1),
  fc.constantFrom<unknown>("5", null, true, [1], {}),
);
const at = fc.oneof(
  number,
  text,
  fc.constantFrom(Date.now(), Date.now() + MAX_AHEAD_MS / 2, Date.now() + 2 * MAX_AHEAD_MS, 1e308),
  fc
    .tuple(
      fc.integer({ min: 1960, max: 2030 }),
      fc.integer({ min: 0, max: 14 }),
      fc.integer({ min: 0, max: 33 }),
      fc.integer({ min: 0, max: 25 }),
      fc.constantFrom("T", "t", " ", "_"),
      fc.constantFrom("Z", "z", "+05:30", "-23:59", "+24:00", "", "+0530"),
      fc.constantFrom("", ".5", ".123456", "."),
    )
    .map(([year, month, day, hour, between, zone, fraction]) => {
      const two = (value: number) => String(value).padStart(2, "0");
      return `${year}-${two(month)}-${two(day)}${between}${two(hour)}:30:59${fraction}${zone}`;
    }),
);
const nested = fc
  .tuple(fc.integer({ min: 0, max: 70 }), fc.boolean())
  .map(
    ([depth, isArray]) => JSON.parse(`${'{"a":'.repeat(depth)}${isArray ? "[]" : "{}"}${"}".repeat(depth)}`) as unknown,
  );
const payload = fc.oneof(
  fc.object(),
  fc.jsonValue(),
  nested,
  fc.integer({ min: 16_300, max: 16_400 }).map((n) => ({ a: "x".repeat(n) })),
  fc.constantFrom("__proto__", "constructor", "toString").map((key) => JSON.parse(`{"${key}":1}`) as unknown),
);
const key = fc.constantFrom("more", "Counter", "__proto__", "constructor", "toString", "hasOwnProperty");
const parts = fc.record({ counter: text, n: number, at, id: text, payload }, { requiredKeys: [] });
const counted = fc.record(
  {
    counter: fc.constantFrom("home", "é"),
    n: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: MAX_N }) }, number),
    at: fc.oneof({ weight: 3, arbitrary: fc.constantFrom<unknown>(0, 1.5, "2024-02-29 12:00:00+05:30") }, at),
    id: fc.oneof({ weight: 3, arbitrary: fc.constantFrom("a", "é-1") }, text),
    payload: fc.oneof({ weight: 3, arbitrary: fc.dictionary(fc.string(), fc.jsonValue()) }, payload),
  },
  { requiredKeys: ["counter"] },
);
const withMore = fc
  .tuple(counted, key)
  .map(([one, name]) => JSON.parse(`${JSON.stringify(one).slice(0, -1)},"${name}":1}`) as unknown);

/** Lines as clients send them. */
const lines = fc.oneof(parts, counted, withMore, fc.jsonValue()).map((value) => JSON.stringify(value));

/** Returns true for an entry that JSON Schema can judge: without UTF-8 bytes, lone surrogates, times and depth. */
function isPlain(line: string): boolean {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || "at" in value) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are ASCII, too.
  return /^[\u0000-\u007f]*$/.test(line) && !/\\u[89d]/i.test(line) && line.length < 16_000 && !/\{{3}/.test(line);
}

test("the schema accepts an entry exactly where the code does", () => {
  let taken = 0;
  fc.assert(
    fc.property(lines, (line) => {
      const expected = isLineTaken(line);
      const value: unknown = JSON.parse(line);
      assert.is(isTaken(value), expected);
      assert.is(matchesSchema(value) && keepsUnwrittenRules(value), expected, line);
      if (expected) taken++;
    }),
    { numRuns: 4000 },
  );
  // Both sides were tested.
  assert.ok(taken > 300 && taken < 3700, String(taken));
});

test("the schema refuses no accepted entry, and accepts no plain entry that is refused", () => {
  fc.assert(
    fc.property(lines, (line) => {
      const isValid = matchesSchema(JSON.parse(line));
      const expected = isLineTaken(line);
      if (expected) assert.ok(isValid, `${line}: ${ajv.errorsText(matchesSchema.errors)}`);
      else if (isPlain(line) && !line.includes('"payload"')) assert.not.ok(isValid, line);
    }),
    { numRuns: 4000 },
  );
});

test.run();
