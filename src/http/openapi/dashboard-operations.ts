import * as z from "zod";
import { HISTORY_STATES } from "../../model/dashboard-data.js";
import { dashboardQuery } from "../dashboard/dashboard-query.js";
import { counterState, damage, missing, projectionStatus } from "./answer-schemas.js";
import { component } from "./components.js";
import { offset } from "./hit-schema.js";
import { type Group, jsonAnswer, queryParameters } from "./operation.js";

const whole = z.int().min(0);
const some = (schema: z.ZodType) => z.object({ total: whole, first: z.array(schema) });

const dashboardData = component(
  "Dashboard",
  z.object({
    now: z.number().meta({ description: "Milliseconds since 1970, by this server's clock." }),
    refusal: z
      .object({ code: z.string(), detail: z.string() })
      .nullable()
      .meta({ description: "Why a hit would be refused now." }),
    accepted: whole,
    rejected: whole,
    uptime: z.number().min(0).meta({ description: "Seconds." }),
    log: z.object({
      id: z.string(),
      epoch: whole,
      start: offset,
      end: offset,
      segments: whole,
      bytes: whole,
      segmentBytes: whole,
      freeBytes: whole.nullable(),
      damage: some(damage),
      unsettled: some(missing),
    }),
    projections: z.array(projectionStatus),
    counters: z
      .object({
        known: whole,
        limit: whole,
        owing: whole.meta({ description: "Counters of which the database lacks hits." }),
        top: z.array(
          z.object({
            ...counterState.shape,
            hours: z
              .array(whole)
              .nullable()
              .meta({ description: "Hits in each of the last 24 hours, the current one last." }),
          }),
        ),
      })
      .nullable()
      .meta({ description: "Null while the counts are unknown." }),
    history: z
      .object({
        everyMs: whole,
        last: whole.meta({ description: "The number of the newest sample: what to give as `after`." }),
        at: z.array(z.number()),
        rate: z.array(z.number()),
        owed: z.array(whole),
        state: z.array(
          z
            .int()
            .min(0)
            .max(HISTORY_STATES.length - 1),
        ),
      })
      .meta({ description: "The last hour, in samples." }),
  }),
);

export const dashboardOperations: Group = {
  "/dashboard/data": {
    get: {
      operationId: "dashboardData",
      tags: ["Operation"],
      summary: "What the dashboard shows",
      description: "For the page at `/dashboard`: members may change between releases.",
      security: "bearer",
      parameters: queryParameters(dashboardQuery),
      answers: { 200: jsonAnswer("How things stand.", dashboardData) },
      refusals: { name: "Dashboard", codes: ["UNAUTHORIZED", "INVALID_QUERY"] },
    },
  },
};
