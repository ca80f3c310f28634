/**
 * The way in to src/http/openapi: what `GET /openapi.json` answers with, OpenAPI 3.1. Put together once, out of groups of
 * operations (`*-operations.ts`, one file a group), schemas (hit-schema.ts, answer-schemas.ts, and those of queries beside the
 * code that reads them), and the codes of errors with their statuses (problem.ts). A route that is new gets its operation in a
 * group, and a new group its place in `GROUPS`; tests fail for a route without, and for an answer that is not described.
 */

import { readFileSync } from "node:fs";
import { STATUS_CODES } from "node:http";
import type { ErrorCode } from "../../errors.js";
import { isUnknown } from "../hits/not-counted.js";
import { problem } from "./answer-schemas.js";
import { namedSchemas, schemaRef } from "./components.js";
import { counterOperations } from "./counter-operations.js";
import { dashboardOperations } from "./dashboard-operations.js";
import { hitOperations } from "./hit-operations.js";
import {
  BEFORE_ROUTES,
  codesByStatus,
  type Group,
  HEADERS,
  type HeaderName,
  type Json,
  type Operation,
  type Refusals,
  withHeaders,
} from "./operation.js";
import { operatorOperations } from "./operator-operations.js";
import { pageOperations } from "./page-operations.js";
import { pictureOperations } from "./picture-operations.js";
import { Shared } from "./shared.js";

const GROUPS: readonly Group[] = [
  hitOperations,
  counterOperations,
  pictureOperations,
  operatorOperations,
  dashboardOperations,
  pageOperations,
];

const NONE: Refusals = { name: "Common", codes: [] };

const DESCRIPTION = `Every hit is durable on disk before it is answered with 202.

- Errors are problems (RFC 9457) with a stable \`code\`. A path that isn't here is answered with 404 \`NOT_FOUND\`, a method that a
  path doesn't have with 405 \`METHOD_NOT_ALLOWED\` and \`Allow\`.
- HEAD is answered as GET is, without a body, and counts nothing. OPTIONS is answered with 204.
- \`Cache-Control: no-store\` is on every answer, unless an operation says otherwise.
- An \`X-Request-Id\` that a request sends is on its answer, and in this server's log; errors have one in any case.
- Pages of other origins may call, without credentials, as far as \`CORS_ORIGINS\` lets them.
- Where \`ADMIN_TOKEN\` is set, its bearer alone may read what is the operator's, and has no \`RATE_LIMIT\`.`;

const TAGS = {
  Hits: "What counts.",
  Counters: "Reading counts.",
  Pictures: "For where no script runs.",
  Operation: "For whoever runs this server.",
  Pages: "For people, and what pages are made of.",
};

/** The document. */
export function openApiDocument(): Json {
  const parameters = new Shared("parameters");
  const responses = new Shared("responses");
  const operations = GROUPS.flatMap((group) => Object.values(group)).flatMap((methods) => Object.values(methods));
  for (const { parameters: given = [] } of operations) for (const one of given) parameters.note(one);
  const paths = GROUPS.flatMap((group) => Object.entries(group)).map(([path, methods]) => {
    const described = Object.entries(methods).map(([method, one]) => [method, operation(one, parameters, responses)]);
    return [path, Object.fromEntries(described)];
  });
  return {
    openapi: "3.1.1",
    info: {
      title: "durable-hits",
      version: packageVersion(),
      summary: "A hit counter that loses no hit.",
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{}, { adminToken: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(paths),
    components: {
      schemas: namedSchemas(),
      parameters: parameters.all,
      responses: responses.all,
      headers: HEADERS,
      securitySchemes: {
        adminToken: { type: "http", scheme: "bearer", description: "Needed only where `ADMIN_TOKEN` is set." },
      },
    },
  };
}

function operation(given: Operation, parameters: Shared, responses: Shared): Json {
  const { security, parameters: own = [], requestBody, answers, refusals = NONE, ...rest } = given;
  const refused = [...codesByStatus(refusals.codes)].map(([status, codes]) => {
    return [status, responses.refTo(`${refusals.name}${status}`, refusal(status, codes, refusals))];
  });
  return {
    ...rest,
    ...(security === "open" ? { security: [] } : {}),
    ...(own.length === 0 ? {} : { parameters: own.map((one) => parameters.refIfShared(String(one["name"]), one)) }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: { ...answers, ...Object.fromEntries(refused) },
  };
}

function refusal(status: number, codes: readonly ErrorCode[], { counting, members, pictures = [] }: Refusals): Json {
  const headers: HeaderName[] = ["X-Request-Id"];
  // What the parser refuses is not known to be a hit.
  if (counting === true && !codes.every((code) => BEFORE_ROUTES.includes(code))) {
    if (codes.some((code) => !isUnknown(code))) headers.push("Hit-Not-Counted");
    if (codes.some(isUnknown)) headers.push("Hit-Unknown");
  }
  if (status === 429 || status === 503) headers.push("Retry-After");
  if (status === 401) headers.push("WWW-Authenticate");
  const isPicture = pictures.length > 0 && !codes.every((code) => BEFORE_ROUTES.includes(code));
  if (isPicture) headers.push("Error-Code");
  const schema = {
    ...schemaRef(problem),
    properties: { status: { const: status }, code: { enum: codes }, ...members?.[status] },
  };
  const shown = isPicture ? pictures.map((type) => [type, { schema: { type: "string" } }]) : [];
  return {
    description: STATUS_CODES[status] ?? "Error",
    ...withHeaders(headers),
    content: { ...Object.fromEntries(shown), "application/problem+json": { schema } },
  };
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
