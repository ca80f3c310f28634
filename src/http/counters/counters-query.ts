import * as z from "zod";
import type { CountersQuery } from "../../model/counters.js";
import { checkedQueryValue } from "../query-schema.js";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const LIMIT_ALLOWED = "is a whole number from 1 to 1,000";

/** What `GET /counters` may be asked for. */
export const countersQuery = z.object({
  prefix: z.string().meta({ description: "Only names that begin with this.", default: "", example: "/blog/" }),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, LIMIT_ALLOWED)
    .transform(Number)
    .pipe(z.int().min(1, LIMIT_ALLOWED).max(MAX_LIMIT, LIMIT_ALLOWED))
    .meta({ description: "At most so many.", default: DEFAULT_LIMIT, example: 10 }),
  after: z.string().meta({ description: "Only names behind this one: `next` of the page before.", example: "/blog/a" }),
});

/** What a query asks for. Throws `INVALID_QUERY`. */
export function countersQueryIn(query: string): CountersQuery {
  const { prefix, limit, after } = countersQuery.shape;
  return {
    prefix: checkedQueryValue(query, "prefix", prefix) ?? "",
    limit: checkedQueryValue(query, "limit", limit) ?? DEFAULT_LIMIT,
    after: checkedQueryValue(query, "after", after),
  };
}
