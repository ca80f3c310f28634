import { setTimeout as sleep } from "node:timers/promises";
import { HitsError } from "../../errors.js";
import { Backoff } from "../../host/backoff.js";
import { type Hit, isKeyed } from "../../model/hit.js";
import { type Outcome, parseBulkResult, sendRequest } from "./http-answers.js";
import { Interrupted, type Recorded, type Refusal, type Target } from "./target.js";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;
/** The least time between two warnings about a server that does not answer. */
const WARN_EVERY_MS = 10_000;

const LOG_ID = /^[!-~]{1,100}$/;
const ADMINISTRATORS_ONLY = new Set([401, 403]);

type Refused = Extract<Outcome, { kind: "refused" }>;

interface Answer {
  readonly body: Record<string, unknown>;
  /** An earlier attempt was not answered, and may have been carried out. */
  readonly wasUnknown: boolean;
}

export interface HttpTargetOptions {
  readonly url: URL;
  readonly token: string | undefined;
  /** The time without an answer after which a request fails, in milliseconds. */
  readonly patienceMs: number;
  readonly warn: (message: string) => void;
}

/** A target on a server. It sends one request at a time, so that at most one is ever unanswered. */
export class HttpTarget implements Target {
  readonly name: string;
  readonly logId: string | undefined;
  readonly #options: HttpTargetOptions;

  private constructor(options: HttpTargetOptions, logId: string | undefined) {
    this.#options = options;
    this.name = options.url.origin + options.url.pathname.replace(/\/$/, "");
    this.logId = logId;
  }

  /** Asks the server for the id of its log; one that reports it to administrators only is used without. Throws as `record` does. */
  static async open(options: HttpTargetOptions, signal: AbortSignal): Promise<HttpTarget> {
    const target = new HttpTarget(options, undefined);
    const answer = await target.#request("status", {}, signal);
    if ("status" in answer) {
      if (ADMINISTRATORS_ONLY.has(answer.status)) return target;
      throw target.#unavailable(answer.why);
    }
    const log = answer.body["log"];
    const id = typeof log === "object" && log !== null && "id" in log ? log.id : undefined;
    if (typeof id !== "string" || !LOG_ID.test(id))
      throw target.#unavailable("its /status names no log: is this durable-hits?");
    return new HttpTarget(options, id);
  }

  async record(hits: readonly Hit[], signal: AbortSignal): Promise<Recorded> {
    const refusals: Refusal[] = [];
    let [start, replayed, unnamed, maybeTwice] = [0, 0, 0, 0];
    for (;;) {
      const rest = hits.slice(start);
      const body = rest.map(ndjson).join("\n");
      const headers = { "content-type": "application/x-ndjson" };
      const answer = await this.#answer("hits", { method: "POST", body, headers }, signal);
      const result = parseBulkResult(answer.body);
      if (start === 0) replayed = result.replayed;
      if (answer.wasUnknown) maybeTwice += rest.filter((hit) => !isKeyed(hit)).length;
      for (const refusal of result.refusals) refusals.push({ ...refusal, index: start + refusal.index });
      const more = result.rejectedCount - result.refusals.length;
      const last = refusals.at(-1);
      if (more === 0 || last === undefined) return { replayed, refusals, unnamed, maybeTwice };
      // A response names the first hundred. Sending the rest again names the next; a hit with an id is not counted again.
      start = last.index + 1;
      if (!hits.slice(start).every(isKeyed)) {
        unnamed = more;
        return { replayed, refusals, unnamed, maybeTwice };
      }
    }
  }

  async count(counter: string, signal: AbortSignal): Promise<number> {
    const { body } = await this.#answer(`counters?name=${encodeURIComponent(counter)}`, {}, signal);
    const { count } = body;
    if (typeof count === "number") return count;
    throw this.#unavailable("its response has no count: is this durable-hits?");
  }

  async close(): Promise<void> {}

  async #answer(path: string, request: RequestInit, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#request(path, request, signal);
    if ("status" in answer) throw this.#unavailable(answer.why);
    return answer;
  }

  /** Repeats a request until it is answered or finally refused. */
  async #request(path: string, request: RequestInit, signal: AbortSignal): Promise<Answer | Refused> {
    const { url, token, patienceMs, warn } = this.#options;
    const to = new URL(path, url.href.endsWith("/") ? url : `${url.href}/`);
    const headers = { ...request.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const backoff = new Backoff(FIRST_WAIT_MS);
    let wasUnknown = false;
    let firstFailure: number | undefined;
    let warnedAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      if (signal.aborted) throw new Interrupted();
      const outcome = await sendRequest(to, { ...request, headers });
      if (outcome.kind === "answer") {
        if (firstFailure !== undefined) warn(`${this.name} answers again`);
        return { body: outcome.body, wasUnknown };
      }
      if (outcome.kind === "refused") return outcome;
      wasUnknown ||= outcome.isUnknown;
      const now = performance.now();
      firstFailure ??= now;
      const left = firstFailure + patienceMs - now;
      if (left <= 0) {
        throw this.#unavailable(`${outcome.why}; gave up after ${Math.round(patienceMs / 1000)} s (--wait)`);
      }
      if (now - warnedAt >= WARN_EVERY_MS) {
        warn(`${this.name}: ${outcome.why}; retrying for up to ${Math.ceil(left / 1000)} s`);
        warnedAt = now;
      }
      const wait = Math.min(left, Math.max(outcome.afterMs, backoff.next(LONGEST_WAIT_MS)));
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  #unavailable(why: string): HitsError {
    return new HitsError("SERVER_UNAVAILABLE", `${this.name}: ${why}`);
  }
}

function ndjson({ counter, n, at, id, payload }: Hit): string {
  const parts = [`{"counter":${JSON.stringify(counter)}`];
  if (n !== 1) parts.push(`"n":${n}`);
  if (at !== undefined) parts.push(`"at":${at}`);
  if (id !== undefined) parts.push(`"id":${JSON.stringify(id)}`);
  if (payload !== undefined) parts.push(`"payload":${payload}`);
  return `${parts.join(",")}}`;
}
