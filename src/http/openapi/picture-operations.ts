import { badgeQuery } from "../hits/badge.js";
import { type Group, type Json, otherAnswer, queryParameters, type Refusals } from "./operation.js";
import { counterInPathParameter, hitParameters } from "./parameters.js";

const SVG = "image/svg+xml";
const GIF = "image/gif";

const COUNTING: Refusals["codes"] = [
  ...(["INVALID_COUNTER", "INVALID_N", "INVALID_ID", "INVALID_QUERY"] as const),
  ...(["COUNTER_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED", "TOO_MANY_COUNTERS", "COUNT_LIMIT"] as const),
  ...(["IDEMPOTENCY_MISMATCH", "RATE_LIMITED"] as const),
  ...(["QUEUE_FULL", "TOO_MANY_KEYS", "CLOSING", "DISK_FULL", "LOG_FAILED"] as const),
];

const refused = (name: string, type: string): Refusals => ({
  name,
  codes: COUNTING,
  counting: true,
  pictures: [type],
});

const counting = (type: string): Json =>
  otherAnswer("The picture. `Hit-Not-Counted` is there where this was no view, or that of a bot.", type, [
    "Idempotent-Replayed",
    "Hit-Not-Counted",
  ]);

const description =
  "HEAD and prefetches don't count. When the hit is refused the picture still comes, with the error's status.";

export const pictureOperations: Group = {
  "/hits/{counter}/pixel.gif": {
    get: {
      operationId: "pixel",
      tags: ["Pictures"],
      summary: "Counts a hit, and is a transparent pixel",
      description,
      security: "bearer",
      parameters: [counterInPathParameter, ...hitParameters],
      answers: { 200: counting(GIF) },
      refusals: refused("Pixel", GIF),
    },
  },
  "/hits/{counter}/badge.svg": {
    get: {
      operationId: "countingBadge",
      tags: ["Pictures"],
      summary: "Counts a hit, and is a badge with the count",
      description,
      security: "bearer",
      parameters: [counterInPathParameter, ...hitParameters, ...queryParameters(badgeQuery)],
      answers: { 200: counting(SVG) },
      refusals: refused("CountingBadge", SVG),
    },
  },
  "/counters/{counter}/badge.svg": {
    get: {
      operationId: "badge",
      tags: ["Pictures"],
      summary: "A badge with the count",
      description: "Counts nothing. A badge comes in every case, with an error's status if need be.",
      security: "open",
      parameters: [counterInPathParameter, ...queryParameters(badgeQuery)],
      answers: { 200: otherAnswer("The badge.", SVG) },
      refusals: { name: "Badge", codes: ["INVALID_COUNTER", "INVALID_QUERY", "PROJECTION_HALTED"], pictures: [SVG] },
    },
  },
};
