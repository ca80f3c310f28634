import { countersQuery } from "../counters/counters-query.js";
import { seriesParameters } from "../counters/series-query.js";
import { counterEvent, counterSeries, counterState, countersPage } from "./answer-schemas.js";
import { inlineSchema, schemaRef } from "./components.js";
import { type Group, jsonAnswer, otherAnswer, queryParameters, withHeaders } from "./operation.js";
import { counterInPathParameter, counterInQueryParameter } from "./parameters.js";

const events = otherAnswer(
  "A stream without end: an event `counter` at once and whenever the state changes, its data as `x-event-data` has it, without numbers while the counts are unknown; a comment " +
    "every 15 seconds.",
  "text/event-stream",
);

const seriesContent = jsonAnswer("Its buckets.", counterSeries)["content"] as object;

const series = {
  tags: ["Counters"],
  summary: "A counter's hits by hour or day, in UTC",
  description:
    "By each hit's own time: its `at`, else when it was written. Buckets without a hit are listed. What this server's log " +
    "has counted; other logs' hits are in the database alone.",
  security: "open",
  answers: {
    200: {
      description: "Its buckets; CSV as a file.",
      ...withHeaders(["Content-Disposition"]),
      content: { ...seriesContent, "text/csv": { schema: { type: "string" } } },
    },
  },
  refusals: { name: "Series", codes: ["INVALID_COUNTER", "INVALID_QUERY", "PROJECTION_HALTED"] },
} as const;

export const counterOperations: Group = {
  "/counters/{counter}": {
    get: {
      operationId: "counter",
      tags: ["Counters"],
      summary: "A counter as it stands",
      security: "open",
      description: "Counts nothing. One never seen has count 0.",
      parameters: [counterInPathParameter],
      answers: { 200: jsonAnswer("Its state.", counterState) },
      refusals: { name: "Counter", codes: ["INVALID_COUNTER", "PROJECTION_HALTED"] },
    },
  },
  "/counters/{counter}/series": {
    get: {
      ...series,
      operationId: "counterSeries",
      parameters: [counterInPathParameter, ...queryParameters(seriesParameters)],
    },
  },
  "/series": {
    get: {
      ...series,
      operationId: "series",
      summary: "The same, with the counter in the query",
      parameters: [counterInQueryParameter("counter", "Of this counter.", true), ...queryParameters(seriesParameters)],
    },
  },
  "/counters": {
    get: {
      operationId: "counters",
      tags: ["Counters"],
      summary: "Counters by name, in pages; with `name` one",
      security: "bearer",
      description:
        "In the order of UTF-16 code units. With `name` it is the same as `GET /counters/{counter}`, for everybody.",
      parameters: [counterInQueryParameter("name", "This counter only."), ...queryParameters(countersQuery)],
      answers: {
        200: jsonAnswer("A page of them, or the state of one.", {
          anyOf: [schemaRef(countersPage), schemaRef(counterState)],
        }),
      },
      refusals: {
        name: "Counters",
        codes: ["INVALID_COUNTER", "INVALID_QUERY", "UNAUTHORIZED", "PROJECTION_HALTED"],
      },
    },
  },
  "/events": {
    get: {
      operationId: "events",
      tags: ["Counters"],
      summary: "A counter's state whenever it changes, as server-sent events",
      security: "open",
      parameters: [counterInQueryParameter("counter", "Of this counter.", true)],
      // What an event's data holds: OpenAPI 3.1 has no place for that.
      answers: { 200: { ...events, "x-event-data": inlineSchema(counterEvent) } },
      refusals: { name: "Events", codes: ["INVALID_COUNTER", "INVALID_QUERY", "TOO_MANY_STREAMS", "CLOSING"] },
    },
  },
};
