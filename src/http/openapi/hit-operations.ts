import * as z from "zod";
import { MAX_LINE_BYTES } from "../../hit/bulk-lines.js";
import { MAX_PAYLOAD_BYTES } from "../../model/hit.js";
import { LINE_TYPES, MAX_BULK_BYTES } from "../hits/bulk.js";
import { countedHit, countedHits, refusedEntries, uncountedHit } from "./answer-schemas.js";
import { component, inlineSchema, schemaRef } from "./components.js";
import { hitEntry, payload } from "./hit-schema.js";
import { type Group, type Json, jsonAnswer, type Refusals } from "./operation.js";
import { counterInPathParameter, counterInQueryParameter, hitParameters } from "./parameters.js";

const ONE: Refusals = {
  name: "Hit",
  codes: [
    ...(["INVALID_COUNTER", "INVALID_BODY", "INVALID_N", "INVALID_ID", "INVALID_QUERY"] as const),
    ...(["COUNTER_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED", "TOO_MANY_COUNTERS", "COUNT_LIMIT"] as const),
    ...(["BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "IDEMPOTENCY_MISMATCH", "RATE_LIMITED"] as const),
    ...(["QUEUE_FULL", "TOO_MANY_KEYS", "CLOSING", "DISK_FULL", "LOG_FAILED", "PROJECTION_HALTED"] as const),
  ],
  counting: true,
};

const nothingAccepted = z.object({
  accepted: z.literal(0),
  firstOffset: z.null(),
  lastOffset: z.null(),
  ...refusedEntries,
});

/** Nothing in a body that can be counted is a problem with the members of the answer to many hits. */
const MANY: Refusals = { ...ONE, name: "Hits", members: { 400: inlineSchema(nothingAccepted)["properties"] as Json } };

const counted = (schema: Json, description: string): Json => jsonAnswer(description, schema, ["Idempotent-Replayed"]);
const uncounted = jsonAnswer("A known bot, and those are not counted.", uncountedHit, ["Hit-Not-Counted"]);

const payloadExample = { referrer: "https://example.org/" };
const payloadBody = { schema: schemaRef(payload), example: payloadExample };
/** JSON, under a type that a page may send without asking first. */
const payloadText = { schema: { type: "string" }, example: JSON.stringify(payloadExample) };

const entry = { counter: "/blog/post", n: 2, at: "2026-01-15T12:00:00Z" };
const lines = schemaRef(
  component(
    "HitLines",
    z.string().meta({
      description: `A \`HitEntry\` a line, each at most ${MAX_LINE_BYTES / 1024} KiB. Blank lines are none.`,
      examples: [`${JSON.stringify(entry)}\n{"counter":"home"}\n`],
    }),
  ),
);

export const hitOperations: Group = {
  "/hits/{counter}": {
    post: {
      operationId: "hit",
      tags: ["Hits"],
      summary: "Counts one hit",
      security: "bearer",
      description: "Answered once the hit is durable. A body is kept with it.",
      parameters: [counterInPathParameter, ...hitParameters],
      requestBody: {
        description: `At most ${MAX_PAYLOAD_BYTES / 1024} KiB, uncompressed.`,
        content: { "application/json": payloadBody, "text/plain": payloadText },
      },
      answers: { 200: uncounted, 202: counted(schemaRef(countedHit), "Durable, and counted.") },
      refusals: ONE,
    },
  },
  "/hits": {
    post: {
      operationId: "hits",
      tags: ["Hits"],
      summary: "Counts many hits in one batch, or with `counter` one",
      security: "bearer",
      description:
        `Many: at most ${MAX_BULK_BYTES / 1024 / 1024} MiB; what can't be counted is refused entry by entry, and the others become durable ` +
        "together. With `counter` in the query it is the same as `POST /hits/{counter}`, parameters and body included.",
      parameters: [counterInQueryParameter("counter", "Counts one hit of this counter."), ...hitParameters],
      requestBody: {
        content: {
          "application/json": {
            schema: { anyOf: [{ type: "array", items: schemaRef(hitEntry) }, schemaRef(payload)] },
            example: [entry, { counter: "home" }],
          },
          ...Object.fromEntries([...LINE_TYPES].map((type) => [type, { schema: lines }])),
        },
      },
      answers: {
        200: uncounted,
        202: counted({ anyOf: [schemaRef(countedHits), schemaRef(countedHit)] }, "Durable, and counted."),
      },
      refusals: MANY,
    },
  },
};
