import { schemaRef } from "./components.js";
import { counterName, hitId, hitNumber } from "./hit-schema.js";
import type { Json } from "./operation.js";

const COUNTER = schemaRef(counterName);

export const counterInPathParameter: Json = {
  name: "counter",
  in: "path",
  required: true,
  description: "One percent-encoded segment: `/` is `%2F`.",
  schema: COUNTER,
  example: "/blog/post",
};

/** A counter's name in a query, for proxies that rewrite paths. */
export function counterInQueryParameter(name: string, description: string, required = false): Json {
  return { name, in: "query", ...(required ? { required } : {}), description, schema: COUNTER, example: "/blog/post" };
}

const ID = schemaRef(hitId);

/** How many, and by which key a retry is known: for all that counts a single hit. */
export const hitParameters: readonly Json[] = [
  { name: "n", in: "query", description: "How many this hit stands for.", schema: schemaRef(hitNumber), example: 5 },
  {
    name: "id",
    in: "query",
    description: "The hit's key: a retry with it does not count twice.",
    schema: ID,
    example: "a-2",
  },
  {
    name: "Idempotency-Key",
    in: "header",
    description: "The same as `id`; may be a quoted string. Where both are there, they say the same.",
    schema: ID,
    example: "a-3",
  },
];
