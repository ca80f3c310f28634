import { test } from "uvu";
import * as assert from "uvu/assert";
import { openApiDocument } from "../../../src/http/openapi/document.js";
import { withServer } from "../harness.js";

/** Sends the examples in the description; `withServer` compares the answers with it. */
interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly example: string | number;
}

interface Content {
  readonly schema: { readonly $ref?: string };
  readonly example?: unknown;
}

interface Operation {
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
}

const document = openApiDocument() as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

function part(ref: string): unknown {
  const names = ref.slice(2).split("/");
  return names.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], document);
}

function bodyOf({ example, schema }: Content): string {
  const of = schema.$ref === undefined ? undefined : (part(schema.$ref) as { examples?: unknown[] });
  const value = example ?? of?.examples?.[0];
  return typeof value === "string" ? value : JSON.stringify(value);
}

interface Call {
  readonly parameters: readonly Parameter[];
  readonly body?: readonly [type: string, text: string];
}

/** Yields a call with the required parameters, then one with each other parameter, then one with each body. */
function* callsOf({ parameters = [], requestBody }: Operation): Generator<Call> {
  const all = parameters.map((one) => ("$ref" in one ? (part(one.$ref) as Parameter) : one));
  for (const one of all) assert.ok(one.example !== undefined, `${one.name} has an example`);
  const required = all.filter((one) => one.required === true);
  // If the path has no counter, the query has one.
  const counter = all.find((one) => one.in === "query" && one.name === "counter");
  const base = counter === undefined || required.includes(counter) ? required : [...required, counter];
  yield { parameters: base };
  for (const one of all) if (!base.includes(one)) yield { parameters: [...base, one] };
  for (const [type, content] of Object.entries(requestBody?.content ?? {})) {
    yield { parameters: required, body: [type, bodyOf(content)] };
  }
}

test("the examples of every operation, one by one", () =>
  withServer(async ({ url, services }) => {
    let calls = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        for (const { parameters, body } of callsOf(operation)) {
          calls++;
          const query = new URLSearchParams();
          const headers = new Headers(body === undefined ? {} : { "Content-Type": body[0] });
          let target = path;
          for (const { name, in: place, example } of parameters) {
            if (place === "query") query.append(name, String(example));
            else if (place === "header") headers.set(name, String(example));
            else target = target.replace(`{${name}}`, encodeURIComponent(example));
          }
          const abort = new AbortController();
          const request = { method: method.toUpperCase(), headers, signal: abort.signal };
          const init = body === undefined ? request : { ...request, body: body[1] };
          const response = await fetch(`${url}${target}?${query}`, init);
          const call = `${method} ${target}?${query} ${body?.join(" ") ?? ""}: ${response.status}`;
          if (response.headers.get("content-type") === "text/event-stream") abort.abort();
          else assert.ok(response.ok, `${call} ${await response.text()}`);
          if (method === "post") assert.is(response.status, 202, call);
        }
      }
    }
    assert.ok(calls > 40, String(calls));
    assert.equal([...services.rejected], []);
    assert.ok(services.hits.some(({ payload }) => payload !== undefined));
    assert.ok(services.hits.some(({ id }) => id !== undefined));
  }));

test.run();
