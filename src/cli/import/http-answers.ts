import { describeError, HitsError, systemCode } from "../../errors.js";
import { printableLine } from "../terminal/text.js";
import type { Refusal } from "./target.js";

/** The outcome of one request. */
export type Outcome =
  | { readonly kind: "answer"; readonly body: Record<string, unknown> }
  /** The request may be repeated. `isUnknown`: it may have been carried out. */
  | { readonly kind: "retry"; readonly why: string; readonly isUnknown: boolean; readonly afterMs: number }
  /** Repeating the request is of no use. */
  | { readonly kind: "refused"; readonly why: string; readonly status: number };

/** A request without a response for this long has failed. */
const RESPONSE_MS = 30_000;
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);
/** Error codes of requests that were not carried out. */
const NOT_CARRIED_OUT = new Set(["QUEUE_FULL", "DISK_FULL", "CLOSING", "TOO_MANY_KEYS", "RATE_LIMITED"]);
const NO_CONNECTION = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** Sends a request once; never rejects. */
export async function sendRequest(url: URL, request: RequestInit): Promise<Outcome> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...request, redirect: "error", signal: AbortSignal.timeout(RESPONSE_MS) });
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const code = systemCode(cause) ?? "";
    const why = describeError(cause) || code;
    return { kind: "retry", why, isUnknown: !NO_CONNECTION.has(code), afterMs: 0 };
  }
  const body = parse(text);
  const detail = typeof body?.["detail"] === "string" ? body["detail"] : text.slice(0, 200).replace(/\s+/g, " ");
  const problem = printableLine(detail);
  const code = typeof body?.["code"] === "string" ? printableLine(body["code"]) : "";
  const why = `it answers ${response.status}${code === "" ? "" : ` ${code}`}: ${problem}`;
  if (body !== undefined && (response.ok || isAllRefused(response.status, body))) return { kind: "answer", body };
  const { status } = response;
  if (response.ok) return { kind: "refused", why: `it answers ${status} without JSON: is this durable-hits?`, status };
  if (!RETRIED.has(status)) return { kind: "refused", why, status };
  const afterMs = Math.min(60, Number(response.headers.get("retry-after")) || 0) * 1000;
  return { kind: "retry", why, isUnknown: status !== 429 && !NOT_CARRIED_OUT.has(code), afterMs };
}

/** Returns true for a bulk response to lines that were all refused: it lists the refusals, as any other. */
function isAllRefused(status: number, body: Record<string, unknown>): boolean {
  return status === 400 && Array.isArray(body["rejected"]) && body["rejected"].length > 0;
}

/** Reads the body of a bulk response. Throws `SERVER_UNAVAILABLE` if it isn't one. */
export function parseBulkResult(body: Record<string, unknown>): {
  readonly replayed: number;
  readonly rejectedCount: number;
  readonly refusals: readonly Refusal[];
} {
  const { accepted, replayed, rejectedCount, rejected } = body;
  if (typeof accepted !== "number" || typeof rejectedCount !== "number" || !Array.isArray(rejected)) {
    throw new HitsError("SERVER_UNAVAILABLE", "the response is not one of durable-hits");
  }
  const refusals = (rejected as Refusal[]).map(({ index, code, detail }) => ({
    index: Number(index),
    code: printableLine(String(code)),
    detail: printableLine(String(detail)),
  }));
  return { replayed: typeof replayed === "number" ? replayed : 0, rejectedCount, refusals };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
