import * as z from "zod";
import { MAX_SHOWN } from "../../hit/bulk-entries.js";
import { component } from "./components.js";
import { count, counterName, offset } from "./hit-schema.js";

/** What answers hold: the types of services.ts, and of those who answer, as schemas. Tests hold every answer against them. */
const time = z.string().meta({ format: "date-time" });
const unknownCount = count.nullable();

export const problem = component(
  "Problem",
  z
    .object({
      type: z.literal("about:blank"),
      title: z.string(),
      status: z.int(),
      code: z.string().meta({ description: "What happened: does not change between releases." }),
      detail: z.string().meta({ description: "For the reader: what to do. May change with any release." }),
      requestId: z.string().meta({ description: "As in `X-Request-Id`, and in this server's log." }),
    })
    .meta({ description: "An error, as RFC 9457 has it." }),
);

export const countedHit = component(
  "CountedHit",
  z
    .object({
      counter: counterName,
      offset: offset.meta({ description: "Where it lies in the log." }),
      count: unknownCount.meta({ description: "This hit included; null while the counts are unknown." }),
    })
    .meta({ examples: [{ counter: "home", offset: 1234, count: 57 }] }),
);

export const uncountedHit = component(
  "UncountedHit",
  z
    .object({ counter: counterName, offset: z.null(), count: unknownCount })
    .meta({ description: "Nothing was counted: `Hit-Not-Counted` says why." }),
);

const rejection = z.object({
  index: z.int().min(0).meta({ description: "The line, or the element of the array, from 0." }),
  code: z.string(),
  detail: z.string(),
});

export const refusedEntries = {
  rejectedCount: z.int().min(0),
  rejected: z.array(rejection).max(MAX_SHOWN).meta({ description: "The first of them." }),
};

export const countedHits = component(
  "CountedHits",
  z
    .object({
      accepted: z.int().min(1),
      replayed: z
        .int()
        .min(1)
        .optional()
        .meta({ description: "How many of the accepted were there before, by their ids." }),
      firstOffset: offset.nullable(),
      lastOffset: offset.nullable(),
      ...refusedEntries,
    })
    .meta({
      examples: [{ accepted: 2, firstOffset: 1235, lastOffset: 1236, rejectedCount: 0, rejected: [] }],
    }),
);

export const counterState = component(
  "CounterState",
  z
    .object({
      counter: counterName,
      count,
      projected: count.meta({ description: "The part that MongoDB has confirmed." }),
      pending: count.meta({ description: "The rest of it." }),
      asOf: time.nullable().meta({ description: "When MongoDB last answered; null where it never has." }),
      incomplete: z.literal(true).optional().meta({ description: "Damage in the log may have taken hits." }),
    })
    .meta({
      examples: [{ counter: "home", count: 57, projected: 50, pending: 7, asOf: "2026-01-15T12:00:00.000Z" }],
    }),
);

export const countersPage = component(
  "CountersPage",
  z.object({
    counters: z.array(counterState),
    next: counterName.nullable().meta({ description: "What to give as `after` for the next page; null on the last." }),
  }),
);

export const counterSeries = component(
  "CounterSeries",
  z
    .object({
      counter: counterName,
      by: z.enum(["hour", "day"]),
      from: time.meta({ description: "Where the first bucket begins." }),
      to: time.meta({ description: "Where the last bucket ends." }),
      since: time
        .nullable()
        .meta({ description: "Days before are not known, and left out; null: all are known from the log's birth on." }),
      hoursSince: time.nullable().optional().meta({ description: "The same for hours, where `by` is `hour`." }),
      points: z.array(z.object({ at: time.meta({ description: "Where the bucket begins." }), count })),
      incomplete: z.literal(true).optional().meta({ description: "Damage in the log may have taken hits." }),
    })
    .meta({
      examples: [
        {
          counter: "home",
          by: "hour",
          from: "2026-01-15T12:00:00Z",
          to: "2026-01-15T14:00:00Z",
          since: null,
          hoursSince: null,
          points: [
            { at: "2026-01-15T12:00:00Z", count: 5 },
            { at: "2026-01-15T13:00:00Z", count: 0 },
          ],
        },
      ],
    }),
);

export const projectionStatus = component(
  "ProjectionStatus",
  z.object({
    name: z.string(),
    checkpoint: offset.meta({ description: "The first offset that it has not taken." }),
    lag: z.int().min(0).meta({ description: "In hits." }),
    state: z.enum(["running", "retrying", "halted"]),
    blocked: z.int().min(0).meta({ description: "Counters that can't be projected, each for a reason of its own." }),
    blockedCounters: z
      .array(z.object({ counter: z.string(), reason: z.string() }))
      .optional()
      .meta({ description: "The first hundred of them." }),
    lastError: z.string().nullable(),
    seriesOwed: z
      .int()
      .min(0)
      .optional()
      .meta({ description: "Days of counters that the database lacks hits of, or may." }),
    errors: z.int().min(0).optional().meta({ description: "Failed attempts since the start." }),
    since: time.meta({ description: "Since when it is in this state." }),
  }),
);

const { name, state, since, lag, lastError } = projectionStatus.shape;

/** What the data of an event of `GET /events` holds. */
export const counterEvent = z.object({
  counter: counterName,
  count: unknownCount,
  projected: unknownCount,
  pending: unknownCount,
  asOf: time.nullable().optional(),
  incomplete: z.literal(true).optional(),
  projections: z.array(z.object({ name, state, since, lag, lastError })),
});

export const damage = z.object({
  file: z.string(),
  byte: z.int().min(0),
  from: offset,
  to: offset.nullable(),
  found: z.string(),
});

export const missing = z.object({
  file: z.string(),
  from: offset,
  to: offset,
  repaired: time,
  mended: z.int().min(0).meta({ description: "Records that stand for what is missing." }),
  settled: z.boolean().meta({ description: "False: the database has not been asked yet." }),
});

export const serviceStatus = component(
  "Status",
  z.object({
    log: z.object({
      id: z.string(),
      epoch: z.int().min(0),
      start: offset,
      end: offset.meta({ description: "The first offset that is not durable yet." }),
      segments: z.int().min(0),
      bytes: z.int().min(0),
      damage: z.array(damage),
      missing: z.array(missing).meta({ description: "What a repair has written down as missing." }),
    }),
    projections: z.array(projectionStatus),
    accepted: z.int().min(0).meta({ description: "Hits since the start." }),
    rejected: z.int().min(0),
    uptime: z.number().min(0).meta({ description: "Seconds." }),
  }),
);
