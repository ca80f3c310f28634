import type { ZodType } from "zod";
import { HitsError } from "../errors.js";
import { queryValue } from "./target.js";

/**
 * The value of a key of a query as a schema has it, which is the one that /openapi.json shows; undefined without that
 * key. Throws `INVALID_QUERY` with the schema's message, and as `queryValue` does.
 */
export function checkedQueryValue<T>(query: string, key: string, schema: ZodType<T>): T | undefined {
  const value = queryValue(query, key);
  if (value === undefined) return undefined;
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new HitsError("INVALID_QUERY", `${key} ${error.issues[0]?.message ?? "is not allowed"}`);
}
