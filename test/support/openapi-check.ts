/** Compares answers with the API description: an answer that is not described is an error in one of the two. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { openApiDocument } from "../../src/http/openapi/document.js";

export interface Answer {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

interface Described {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content?: Readonly<Record<string, object>>;
  readonly "x-event-data"?: object;
}

interface Operation {
  readonly responses: Readonly<Record<string, Described>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Headers of connections, caches, browsers and CORS, which operations do not describe. */
const GENERAL = new Set([
  ...["connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "transfer-encoding"],
  ...["cache-control", "expires", "pragma", "vary", "x-accel-buffering", "x-request-id"],
  ...["content-security-policy", "cross-origin-resource-policy", "referrer-policy", "x-content-type-options"],
  ...["access-control-allow-origin", "access-control-expose-headers"],
]);

/** The document with closed objects, so that members without a description are reported. */
export const document = closed(openApiDocument()) as Document;

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, "openapi");

const paths = Object.keys(document.paths).map((path) => {
  const escaped = path.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]*");
  return { path, pattern: new RegExp(`^${escaped}$`) };
});

/** Returns the path in the document that matches the path of a request or a route. */
export function describedPath(path: string): string | undefined {
  return paths.find(({ pattern }) => pattern.test(path))?.path;
}

/** Lists how an answer deviates from the description. */
export function complaintsAbout(answer: Answer): string[] {
  const complaints = complaintsIn(answer);
  const { method, target, status, body } = answer;
  return complaints.map((one) => `${method} ${target.slice(0, 200)}: ${status}: ${one}; ${body.slice(0, 300)}`);
}

function complaintsIn(answer: Answer): string[] {
  const { method, status, headers } = answer;
  if (method === "OPTIONS") return status === 204 ? [] : [`OPTIONS is answered with 204`];
  const path = describedPath(answer.target.split("?", 1)[0] ?? "");
  if (path === undefined) return generalProblem(answer, 404, "NOT_FOUND");
  const described = document.paths[path]?.[method === "HEAD" ? "get" : method.toLowerCase()];
  if (described === undefined) {
    const allow = headers.get("allow") === undefined ? ["no Allow"] : [];
    return [...allow, ...generalProblem(answer, 405, "METHOD_NOT_ALLOWED")];
  }
  const given = described.responses[status];
  if (given === undefined) return ["this status is not described"];
  const pointer = given.$ref?.slice(1) ?? `/paths/${escapePointer(path)}/${methodOf(method)}/responses/${status}`;
  return complaintsAbove(answer, resolved(pointer), pointer);
}

function methodOf(method: string): string {
  return method === "HEAD" ? "get" : method.toLowerCase();
}

/** Checks the answer to a request without an operation, as the document's introduction describes it. */
function generalProblem({ method, status, body, headers }: Answer, expected: number, code: string): string[] {
  if (status !== expected) return [`no operation: ${expected} ${code} was expected`];
  if (method === "HEAD") return [];
  if (mediaTypeOf(headers) !== "application/problem+json") return ["not a problem"];
  const value: unknown = JSON.parse(body);
  const isIt = validator("/components/schemas/Problem")(value) && (value as { code: string }).code === code;
  return isIt ? [] : [`not the problem ${code}`];
}

function complaintsAbove({ method, headers, body }: Answer, described: Described, pointer: string): string[] {
  const complaints = headerComplaints(headers, described);
  if (described.content === undefined) return [...complaints, ...(body === "" ? [] : ["a body was not expected"])];
  const type = mediaTypeOf(headers);
  if (described.content[type] === undefined) return [...complaints, `Content-Type ${type} is not described`];
  if (method === "HEAD") return complaints;
  const events = described["x-event-data"];
  if (events !== undefined) {
    const data = [...body.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => JSON.parse(json) as unknown);
    return [...complaints, ...data.flatMap((one) => schemaComplaints(`${pointer}/x-event-data`, one))];
  }
  if (!type.endsWith("json")) return complaints;
  return [
    ...complaints,
    ...schemaComplaints(`${pointer}/content/${escapePointer(type)}/schema`, JSON.parse(body) as unknown),
  ];
}

function headerComplaints(headers: ReadonlyMap<string, string>, { headers: described = {} }: Described): string[] {
  const complaints: string[] = [];
  const byName = new Map(Object.entries(described).map(([name, { $ref }]) => [name.toLowerCase(), $ref]));
  for (const [name, value] of headers) {
    if (GENERAL.has(name)) continue;
    const ref = byName.get(name);
    if (ref === undefined) complaints.push(`the header ${name} is not described`);
    else if (!validator(`${ref.slice(1)}/schema`)(ref.endsWith("Retry-After") ? Number(value) : value)) {
      complaints.push(`the header ${name} has ${value}`);
    }
  }
  for (const name of ["retry-after", "www-authenticate", "error-code", "etag"]) {
    const isPicture = headers.get("content-type")?.startsWith("image/") === true;
    if (!byName.has(name) || headers.has(name) || (name === "error-code" && !isPicture)) continue;
    complaints.push(`the header ${name} is missing`);
  }
  return complaints;
}

const validators = new Map<string, ValidateFunction>();

function validator(pointer: string): ValidateFunction {
  let known = validators.get(pointer);
  if (known === undefined) {
    known = ajv.compile({ $ref: `openapi#${encodeURI(pointer).replace(/\?/g, "%3F")}` });
    validators.set(pointer, known);
  }
  return known;
}

function schemaComplaints(pointer: string, value: unknown): string[] {
  const validate = validator(pointer);
  return validate(value) ? [] : [ajv.errorsText(validate.errors, { dataVar: "body" })];
}

function resolved(pointer: string): Described {
  let value: unknown = document;
  for (const part of pointer.slice(1).split("/")) {
    value = (value as Record<string, unknown>)[part.replace(/~1/g, "/").replace(/~0/g, "~")];
  }
  return value as Described;
}

function escapePointer(part: string): string {
  return part.replace(/~/g, "~0").replace(/\//g, "~1");
}

function mediaTypeOf(headers: ReadonlyMap<string, string>): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]?.trim() ?? "";
}

/** Closes objects with members, and schemas that add members to one, to any others; `Problem` is added to, so it stays open. */
function closed(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => closed(one));
  if (typeof value !== "object" || value === null) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, closed(one, key)]));
  const isObject = "properties" in value && ("type" in value || "$ref" in value);
  if (!isObject || "additionalProperties" in value || name === "Problem") return inner;
  return { ...inner, unevaluatedProperties: false };
}
