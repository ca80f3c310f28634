import type * as z from "zod";
import type { ErrorCode } from "../../errors.js";
import { statusOf } from "../problem.js";
import { parsedSchema, schemaRef } from "./components.js";

/** Parts of OpenAPI 3.1 as this project writes them; whatever is given goes into the document as it is. */
export type Json = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly [string];
  readonly summary: string;
  readonly description?: string;
  /** Who may: `open` for everybody, `bearer` where a bearer has more, or is the only one once `ADMIN_TOKEN` is set. */
  readonly security: "open" | "bearer";
  readonly parameters?: readonly Json[];
  readonly requestBody?: Json;
  /** What comes in good cases, by status. */
  readonly answers: Readonly<Record<number, Json>>;
  /** What it is refused with: those that every request may meet come on top. */
  readonly refusals?: Refusals;
}

/** Codes that one or more operations are refused with, by a name of their own for the components. */
export interface Refusals {
  readonly name: string;
  readonly codes: readonly ErrorCode[];
  /** Whether a header says that nothing was counted, or that this is open. */
  readonly counting?: true;
  /** Members that a problem with this status has besides those of all. */
  readonly members?: Readonly<Record<number, Json>>;
  /** Media types that come in place of a problem, with the code in a header. */
  readonly pictures?: readonly string[];
}

/** The operations of some paths, by path and method. */
export type Group = Readonly<Record<string, Readonly<Partial<Record<"get" | "post", Operation>>>>>;

/** What node's parser refuses, before it is known what the request is about. */
export const BEFORE_ROUTES: readonly ErrorCode[] = ["REQUEST_TIMEOUT", "HEADERS_TOO_LARGE", "BAD_REQUEST"];

/** What every request may meet. */
const COMMON: readonly ErrorCode[] = [...BEFORE_ROUTES, "INTERNAL"];

export const HEADERS = {
  "Retry-After": { description: "Seconds after which to try again.", schema: { type: "integer", minimum: 1 } },
  "WWW-Authenticate": { description: "Asks for the bearer of `ADMIN_TOKEN`.", schema: { type: "string" } },
  "Hit-Not-Counted": {
    description: "Certainly nothing was counted, though it could have been: an error's code, or why it is no view.",
    schema: { type: "string", pattern: "^[A-Z_]+$" },
  },
  "Hit-Unknown": {
    description: "It is open whether the hit became durable.",
    schema: { type: "string", enum: ["LOG_FAILED", "INTERNAL"] },
  },
  "Idempotent-Replayed": {
    description: "A hit with this id was there before: this is its answer, and nothing was counted now.",
    schema: { const: "true" },
  },
  "Error-Code": {
    description: "Why a picture is not what was asked for.",
    schema: { type: "string", pattern: "^[A-Z_]+$" },
  },
  "X-Request-Id": {
    description: "The request's own, where it sent a sane one (1 to 128 visible ASCII characters); else one made here.",
    schema: { type: "string", pattern: "^[!-~]{1,128}$" },
  },
  "Content-Disposition": { description: "A file's name, for what is saved.", schema: { type: "string" } },
  ETag: { description: "For `If-None-Match`.", schema: { type: "string" } },
} as const satisfies Readonly<Record<string, Json>>;

export type HeaderName = keyof typeof HEADERS;

export function headerRefs(names: readonly HeaderName[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** An answer in JSON. */
export function jsonAnswer(description: string, schema: z.ZodType | Json, headers: readonly HeaderName[] = []): Json {
  const content = { "application/json": { schema: "_zod" in schema ? schemaRef(schema as z.ZodType) : schema } };
  return { description, ...withHeaders(headers), content };
}

/** An answer of some other media type, which is text or bytes. */
export function otherAnswer(description: string, type: string, headers: readonly HeaderName[] = []): Json {
  return { description, ...withHeaders(headers), content: { [type]: { schema: { type: "string" } } } };
}

export function withHeaders(names: readonly HeaderName[]): Json {
  return names.length === 0 ? {} : { headers: headerRefs(names) };
}

/** Parameters as a query's schema has them, by key; none is required. */
export function queryParameters(query: z.ZodObject): Json[] {
  return Object.entries(query.shape).map(([name, schema]) => {
    const { description, example, ...rest } = parsedSchema(schema as z.ZodType);
    return { name, in: "query", description, schema: rest, example };
  });
}

/** Codes by the status that they are answered with, the common ones included. */
export function codesByStatus(codes: readonly ErrorCode[]): ReadonlyMap<number, readonly ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes, ...COMMON]) {
    const status = statusOf(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}
