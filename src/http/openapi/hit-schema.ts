import * as z from "zod";
import { checkCounterName, parseAt, parsePayload, RFC3339 } from "../../hit/parse-hit.js";
import {
  MAX_COUNT,
  MAX_ID_BYTES,
  MAX_N,
  MAX_NAME_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PAYLOAD_DEPTH,
} from "../../model/hit.js";
import { component } from "./components.js";

/**
 * What a hit is, as a schema. Requests that count are read by hand-written code (hit.ts, bulk-lines.ts), for speed; a test
 * holds the two together. What JSON Schema has no words for (bytes of UTF-8, the calendar, this server's clock) is asked
 * of that code.
 */
const NO_CONTROLS = "[^\\u0000-\\u001f\\u007f-\\u009f]+";

export const counterName = component(
  "CounterName",
  z
    .string()
    .min(1)
    .max(MAX_NAME_BYTES)
    .regex(new RegExp(`^(?!\\.{1,2}$)${NO_CONTROLS}$`))
    .refine((name) => passes(() => checkCounterName(name)))
    .meta({
      description: `At most ${grouped(MAX_NAME_BYTES)} bytes of UTF-8, without control characters, not \`.\` or \`..\`. Case and form as given.`,
      examples: ["/blog/post"],
    }),
);

export const hitNumber = component(
  "HitNumber",
  z.int().min(1).max(MAX_N).meta({ description: "How many a hit stands for.", default: 1 }),
);

export const hitId = component(
  "HitId",
  z
    .string()
    .min(1)
    .max(MAX_ID_BYTES)
    .regex(new RegExp(`^${NO_CONTROLS}$`))
    .refine((id) => id.isWellFormed() && Buffer.byteLength(id) <= MAX_ID_BYTES)
    .meta({
      description: `The client's key for a hit: at most ${MAX_ID_BYTES} bytes of UTF-8, without control characters.`,
    }),
);

export const payload = component(
  "Payload",
  z
    .looseObject({})
    .refine((value) => passes(() => parsePayload(value)))
    .meta({
      description: `Kept with the hit: at most ${MAX_PAYLOAD_BYTES / 1024} KiB as compact JSON, nested at most ${MAX_PAYLOAD_DEPTH} deep.`,
    }),
);

const at = z
  .union([
    z.number().min(0).meta({ description: "Milliseconds since 1970." }),
    z.string().regex(RFC3339).meta({ description: "RFC 3339." }),
  ])
  .refine((value) => passes(() => parseAt(value, Date.now())))
  .meta({ description: "When it happened: from 1970 on, at most five minutes ahead of this server's clock." });

/** An entry of `POST /hits`. */
export const hitEntry = component(
  "HitEntry",
  z
    .strictObject({
      counter: counterName,
      n: hitNumber.optional(),
      at: at.optional(),
      id: hitId.optional(),
      payload: payload.optional(),
    })
    .meta({
      examples: [{ counter: "/blog/post", n: 2, at: "2026-01-15T12:00:00Z", id: "a-1", payload: { from: "feed" } }],
    }),
);

export const offset = z.int().min(0);
/** What other logs have counted comes on top of this log's own bound. */
export const count = z
  .int()
  .min(0)
  .meta({ description: `Stays at or below ${grouped(MAX_COUNT)} for hits of one log.` });

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

function grouped(number: number): string {
  return number.toLocaleString("en-US");
}
