import * as z from "zod";
import { checkedQueryValue } from "../query-schema.js";

/** What `GET /dashboard/data` may be asked for. */
export const dashboardQuery = z.object({
  after: z
    .string()
    .regex(/^\d{1,15}$/, "is the number of a sample: history.last")
    .transform(Number)
    .pipe(z.int().min(0))
    .meta({ description: "Only samples of the history behind the one of this number.", default: 0, example: 720 }),
});

/** Which samples of the history whoever asks has already; 0 for none. Throws `INVALID_QUERY`. */
export function historyAfterIn(query: string): number {
  return checkedQueryValue(query, "after", dashboardQuery.shape.after) ?? 0;
}
