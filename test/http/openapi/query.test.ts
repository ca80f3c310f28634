import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { parseCountersQuery } from "../../../src/http/counters/counters.js";
import { parseSeriesQuery } from "../../../src/http/counters/series.js";
import { parseLastSample } from "../../../src/http/dashboard/dashboard.js";
import { parseBadgeLook } from "../../../src/http/hits/badge.js";
import { openApiDocument } from "../../../src/http/openapi/document.js";
import { withServer } from "../harness.js";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: { readonly type: string; readonly enum?: readonly string[]; readonly default?: unknown };
}

const document = openApiDocument() as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters?: readonly object[] }>>>>;
  readonly components: { readonly parameters: Readonly<Record<string, Parameter>> };
};

function parametersOf(path: string): ReadonlyMap<string, Parameter> {
  const given = document.paths[path]?.["get"]?.parameters ?? [];
  const resolved = given.map((one) =>
    "$ref" in one ? document.components.parameters[String(one.$ref).split("/").at(-1) ?? ""] : one,
  ) as Parameter[];
  return new Map(resolved.map((one) => [one.name, one]));
}

const NOW = Date.UTC(2026, 0, 15, 12);
const seriesOf = (query: string) => parseSeriesQuery("a", query, NOW);

/** The parser of each path's query, which returns values by the names of parameters. */
const PARSERS: Readonly<Record<string, (query: string) => object>> = {
  "/counters": parseCountersQuery,
  "/counters/{counter}/badge.svg": parseBadgeLook,
  "/hits/{counter}/badge.svg": parseBadgeLook,
  "/counters/{counter}/series": seriesOf,
  "/series": seriesOf,
  "/dashboard/data": (query) => ({ after: parseLastSample(query) }),
};
/** Parsed elsewhere, and tested with names, hits (hit-schema.test.ts) and the format of series (below). */
const ELSEWHERE = new Set(["counter", "name", "n", "id", "format"]);
/** Times are described in words. */
const IN_WORDS = new Set(["from", "to"]);

const ajv = new Ajv2020({ strict: false, coerceTypes: false });

function isParsed(parse: (query: string) => object, query: string): boolean {
  try {
    parse(query);
    return true;
  } catch (error) {
    assert.instance(error, HitsError);
    assert.is((error as HitsError).code, "INVALID_QUERY");
    return false;
  }
}

/** A text of a query as the schema's type; digits alone make an integer. */
function typed(text: string, type: string): unknown {
  return type === "integer" && /^\d{1,15}$/.test(text) ? Number(text) : text;
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.nat(1200).map(String),
  fc.integer().map(String),
  fc.constantFrom("", "0", "1", "1000", "1001", "1.5", "1e2", "-1", "+1", " 1", "toString", "__proto__", "constructor"),
  fc.constantFrom("flat", "Flat", "social", "plastic", "round", "hour", "day", "week", "json", "csv", "xml"),
  fc.constantFrom("red", "08c", "#08c", "0088cc", "#0088cc", "12345", "nocolour", "inactive", "url(x)", "#"),
  fc.tuple(fc.constantFrom("x", "é", "😀"), fc.integer({ min: 60, max: 68 })).map(([one, n]) => one.repeat(n)),
  fc.constantFrom("a\u0000", "\u007f", "\u009f", "\ufffe", "\uffff", "\n"),
);

test("a query parameter is accepted exactly where its schema accepts it", () => {
  let checked = 0;
  for (const [path, parse] of Object.entries(PARSERS)) {
    for (const [name, parameter] of parametersOf(path)) {
      if (parameter.in !== "query" || ELSEWHERE.has(name) || IN_WORDS.has(name)) continue;
      checked++;
      const validate = ajv.compile(parameter.schema);
      const { type } = parameter.schema;
      fc.assert(
        fc.property(text, (value) => {
          // Lone surrogates have no percent-encoding.
          if (!value.isWellFormed()) return;
          const isAccepted = isParsed(parse, `${name}=${encodeURIComponent(value)}`);
          // Names of colours are accepted in any case.
          const schemaValue = /color/i.test(name) ? value.toLowerCase() : value;
          assert.is(isAccepted, validate(typed(schemaValue, type)), `${path} ${name}=${JSON.stringify(value)}`);
        }),
        { numRuns: 1000 },
      );
    }
  }
  assert.is(checked, 3 + 2 * 4 + 2 + 1);
});

test("every choice and default in the document is the server's", () => {
  for (const [path, parse] of Object.entries(PARSERS)) {
    for (const [name, { schema }] of parametersOf(path)) {
      if (ELSEWHERE.has(name)) continue;
      for (const choice of schema.enum ?? []) {
        assert.is((parse(`${name}=${choice}`) as Record<string, unknown>)[name], choice, `${path} ${name}`);
      }
      if (schema.default === undefined) continue;
      assert.is((parse("") as Record<string, unknown>)[name], schema.default, `${path} ${name}`);
    }
  }
});

test("the format of a series", () =>
  withServer(async ({ url }) => {
    const format = parametersOf("/series").get("format")?.schema.enum ?? [];
    assert.ok(format.length > 0);
    for (const one of [...format, "xml", "", "JSON"]) {
      const { status } = await fetch(`${url}/series?counter=a&format=${one}`);
      assert.is(status, format.includes(one) ? 200 : 400, one);
    }
  }));

test("a refusal names the parameter, what it must be, and what it was", () => {
  const messages: [parse: () => unknown, message: string][] = [
    [() => parseCountersQuery("limit=0"), 'query parameter `limit` must be an integer from 1 to 1,000, got "0"'],
    [() => parseCountersQuery("limit=5&limit=5"), "query parameter `limit` is given more than once"],
    [() => parseCountersQuery("prefix=%FF"), "query parameter `prefix` must be percent-encoded UTF-8"],
    [() => seriesOf("by=week"), 'query parameter `by` must be one of hour, day, got "week"'],
  ];
  for (const [parse, message] of messages) {
    assert.throws(parse, (error: Error) => error.message === message);
  }
});

test.run();
