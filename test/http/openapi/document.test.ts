import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type Router from "@koa/router";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ErrorCode } from "../../../src/errors.js";
import { MAX_SHOWN } from "../../../src/hit/bulk-entries.js";
import { MAX_LINE_BYTES } from "../../../src/hit/bulk-lines.js";
import { createApp } from "../../../src/http/app.js";
import { LINE_TYPES, MAX_BULK_BYTES } from "../../../src/http/hits/bulk.js";
import { openApiDocument } from "../../../src/http/openapi/document.js";
import { statusOf } from "../../../src/http/problem.js";
import { HISTORY_STATES } from "../../../src/model/dashboard-data.js";
import {
  MAX_COUNT,
  MAX_ID_BYTES,
  MAX_NAME_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PAYLOAD_DEPTH,
} from "../../../src/model/hit.js";
import { complaintsAbout, describedPath } from "../../support/openapi-check.js";
import { temporaryDirectory } from "../../support/server-process.js";
import { FakeLogger, FakeServices } from "../fake-services.js";
import { raw, rawRequest, withServer } from "../harness.js";

interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const document = openApiDocument() as unknown as Document;

test("every route is described, and every operation has a route", () => {
  const router = createApp(new FakeServices(), new FakeLogger()).middleware.flatMap((one) =>
    "router" in one ? [one.router as Router] : [],
  )[0];
  assert.ok(router !== undefined);
  const routes = new Set<string>();
  for (const { path: template, methods } of router.stack) {
    const given = describedPath(String(template).replace(/:\w+/g, "x"));
    for (const method of methods.filter((one) => one !== "HEAD")) routes.add(`${method} ${given ?? template}`);
  }
  const operations = Object.entries(document.paths).flatMap(([at, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${at}`),
  );
  assert.equal([...routes].sort(), operations.sort());
});

test("the document passes the linter's recommended rules for OpenAPI 3.1", async () => {
  const directory = temporaryDirectory();
  const file = path.join(directory, "openapi.json");
  writeFileSync(file, JSON.stringify(document));
  const config = path.join(directory, "redocly.yaml");
  writeFileSync(config, "extends: [recommended-strict]\n");
  const linter = path.join(root, "node_modules/@redocly/cli/bin/cli.js");
  // The linter reports nothing to its makers, and does not check for updates.
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" };
  const args = [linter, "lint", file, "--config", config];
  await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 }).catch((error: { stdout?: string }) => {
    throw new Error(`the linter found something: ${error.stdout ?? String(error)}`);
  });
});

test("its schemas are JSON Schema, and examples and defaults match them", () => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  addFormats.default(ajv);
  for (const [name, schema] of Object.entries(document.components["schemas"] ?? {})) {
    ajv.addSchema(schema, `#/components/schemas/${name}`);
  }
  let examples = 0;
  for (const [name, schema] of Object.entries(document.components["schemas"] ?? {})) {
    const validate = ajv.getSchema(`#/components/schemas/${name}`);
    assert.ok(validate !== undefined, name);
    const given = [
      ...("examples" in schema ? (schema.examples as unknown[]) : []),
      ...("default" in schema ? [schema.default] : []),
    ];
    for (const example of given) {
      examples++;
      assert.ok(validate(example), `${name}: ${ajv.errorsText(validate.errors)}`);
    }
  }
  assert.ok(examples >= 6);
  for (const [name, parameter] of Object.entries(document.components["parameters"] ?? {})) {
    if (!("schema" in parameter && "example" in parameter)) continue;
    assert.ok(ajv.validate(parameter.schema as object, parameter.example), name);
  }
});

test("its codes are under the statuses of their answers", () => {
  let codes = 0;
  const check = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("status" in value && "code" in value) {
      const { status, code } = value as { status: { const?: number }; code: { enum?: ErrorCode[] } };
      for (const one of code.enum ?? []) {
        codes++;
        assert.is(statusOf(one), status.const, one);
      }
    }
    for (const inner of Object.values(value)) check(inner);
  };
  check(document.components["responses"]);
  assert.ok(codes > 50, String(codes));
});

test("its media types and bounds are the server's", () => {
  const hits = document.paths["/hits"]?.["post"] as unknown as { requestBody: { content: object } } | undefined;
  assert.equal(Object.keys(hits?.requestBody.content ?? {}).sort(), ["application/json", ...LINE_TYPES].sort());
  const text = JSON.stringify(document);
  for (const bound of [
    `At most ${MAX_NAME_BYTES.toLocaleString("en-US")} bytes`,
    `at most ${MAX_ID_BYTES} bytes`,
    `at most ${MAX_PAYLOAD_BYTES / 1024} KiB as compact JSON, nested at most ${MAX_PAYLOAD_DEPTH} levels`,
    `Many hits: at most ${MAX_BULK_BYTES / 1024 / 1024} MiB`,
    `at most ${MAX_LINE_BYTES / 1024} KiB each`,
    `At most ${MAX_COUNT.toLocaleString("en-US")} from one log`,
    `"maxItems":${MAX_SHOWN}`,
    `"maximum":${HISTORY_STATES.length - 1}`,
  ]) {
    assert.ok(text.includes(bound), bound);
  }
});

test("every component is used", () => {
  const text = JSON.stringify(document);
  for (const [section, parts] of Object.entries(document.components)) {
    if (section === "securitySchemes") continue;
    for (const name of Object.keys(parts)) assert.match(text, `"#/components/${section}/${name}"`);
  }
});

test("it is served with an entity tag, and revalidated by it", () =>
  withServer(async ({ url, port }) => {
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
    assert.is(document.info.version, version);
    const response = await fetch(`${url}/openapi.json`);
    assert.is(response.headers.get("content-type"), "application/json; charset=utf-8");
    assert.is(response.headers.get("cache-control"), "no-cache");
    assert.equal(await response.json(), JSON.parse(JSON.stringify(document)));
    const etag = response.headers.get("etag") ?? "";
    assert.match(etag, /^"[\w-]{22}"$/);
    const again = (tag: string) =>
      raw(port, `GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${tag}\r\n\r\n`, "HEAD");
    assert.is((await again(etag)).status, 304);
    assert.is((await again('"of an older release"')).status, 200);
    assert.is((await rawRequest(port, "HEAD", "/openapi.json")).status, 200);
  }));

test("an answer that is not described is reported", () => {
  const state = { counter: "a", count: 1, projected: 1, pending: 0, asOf: null };
  const answer = (changed: object, headers: Record<string, string> = {}, body: object = state) =>
    complaintsAbout({
      method: "GET",
      target: "/counters/a?x=1",
      status: 200,
      headers: new Map(Object.entries({ "content-type": "application/json", ...headers })),
      body: JSON.stringify(body),
      ...changed,
    });
  const problem = {
    type: "about:blank",
    title: "x",
    status: 503,
    code: "PROJECTION_HALTED",
    detail: "x",
    requestId: "x",
  };
  const problemType = { "content-type": "application/problem+json" };
  assert.equal(answer({}), []);
  assert.equal(answer({ status: 503 }, { ...problemType, "retry-after": "1" }, problem), []);
  const wrong: [string, string[]][] = [
    ["a member too many", answer({}, {}, { ...state, more: 1 })],
    ["a member of another type", answer({}, {}, { ...state, count: "1" })],
    ["a member too few", answer({}, {}, { counter: "a" })],
    ["another status", answer({ status: 202 })],
    ["another type", answer({}, { "content-type": "text/plain" })],
    ["another header", answer({}, { "x-more": "1" })],
    ["a header that isn't there", answer({ status: 503 }, problemType, problem)],
    ["a header's value", answer({ status: 503 }, { ...problemType, "retry-after": "soon" }, problem)],
    [
      "another code",
      answer({ status: 503 }, { ...problemType, "retry-after": "1" }, { ...problem, code: "DISK_FULL" }),
    ],
    ["a problem with more", answer({ status: 503 }, { ...problemType, "retry-after": "1" }, { ...problem, more: 1 })],
    ["another path", answer({ target: "/nowhere" })],
    ["another method", answer({ method: "POST" })],
  ];
  for (const [what, complaints] of wrong) assert.ok(complaints.length > 0, what);
});

test.run();
