import { setTimeout as sleep } from "node:timers/promises";
import { HitsError } from "../../errors.js";
import { Backoff } from "../../host/backoff.js";
import { type Hit, isKeyed } from "../../model/hit.js";
import { ask, bulkAnswer, type Outcome } from "./http-answers.js";
import { Interrupted, type Refusal, type Taken, type Target } from "./target.js";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;
/** A server that stays away is told of no more often. */
const TELL_EVERY_MS = 10_000;

const FOR_ADMINISTRATORS = new Set([401, 403]);

type Refused = Extract<Outcome, { kind: "refused" }>;

interface Answer {
  readonly body: Record<string, unknown>;
  /** A request before this one was not answered, and may have been carried out. */
  readonly wasUnknown: boolean;
}

export interface HttpTargetOptions {
  readonly url: URL;
  readonly token: string | undefined;
  /** How long a server may stay away before this gives up. */
  readonly patienceMs: number;
  readonly warn: (message: string) => void;
}

/** A server, which has the log. One request at a time, so that no more than one is ever unanswered. */
export class HttpTarget implements Target {
  readonly name: string;
  readonly logId: string | undefined;
  readonly #options: HttpTargetOptions;

  private constructor(options: HttpTargetOptions, logId: string | undefined) {
    this.#options = options;
    this.name = options.url.origin + options.url.pathname.replace(/\/$/, "");
    this.logId = logId;
  }

  /** Asks the server which log it has; one that tells only its administrator is taken as it is. Throws as `take` does. */
  static async open(options: HttpTargetOptions, signal: AbortSignal): Promise<HttpTarget> {
    const target = new HttpTarget(options, undefined);
    const answer = await target.#request("status", {}, signal);
    if ("status" in answer) {
      if (FOR_ADMINISTRATORS.has(answer.status)) return target;
      throw target.#unavailable(answer.why);
    }
    const log = answer.body["log"];
    const id =
      typeof log === "object" && log !== null && "id" in log && typeof log.id === "string" ? log.id : undefined;
    if (id === undefined) throw target.#unavailable("its /status names no log: is it durable-hits?");
    return new HttpTarget(options, id);
  }

  async take(hits: readonly Hit[], signal: AbortSignal): Promise<Taken> {
    const refusals: Refusal[] = [];
    let [start, replayed, unnamed, maybeTwice] = [0, 0, 0, 0];
    for (;;) {
      const rest = hits.slice(start);
      const body = rest.map(ndjson).join("\n");
      const headers = { "content-type": "application/x-ndjson" };
      const answer = await this.#answer("hits", { method: "POST", body, headers }, signal);
      const told = bulkAnswer(answer.body);
      if (start === 0) replayed = told.replayed;
      if (answer.wasUnknown) maybeTwice += rest.filter((hit) => !isKeyed(hit)).length;
      for (const refusal of told.refusals) refusals.push({ ...refusal, index: start + refusal.index });
      const more = told.rejectedCount - told.refusals.length;
      const last = refusals.at(-1);
      if (more === 0 || last === undefined) return { replayed, refusals, unnamed, maybeTwice };
      // An answer names the first hundred. Asked again, those behind them are named; what has an id is not counted again.
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
    throw this.#unavailable("its answer names no count: is it durable-hits?");
  }

  async close(): Promise<void> {}

  async #answer(path: string, request: RequestInit, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#request(path, request, signal);
    if ("status" in answer) throw this.#unavailable(answer.why);
    return answer;
  }

  /** Sends a request until it is answered or refused for good. */
  async #request(path: string, request: RequestInit, signal: AbortSignal): Promise<Answer | Refused> {
    const { url, token, patienceMs, warn } = this.#options;
    const to = new URL(path, url.href.endsWith("/") ? url : `${url.href}/`);
    const headers = { ...request.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const backoff = new Backoff(FIRST_WAIT_MS);
    let wasUnknown = false;
    let firstFailure: number | undefined;
    let toldAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      if (signal.aborted) throw new Interrupted();
      const outcome = await ask(to, { ...request, headers });
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
        throw this.#unavailable(`${outcome.why}; given up after ${Math.round(patienceMs / 1000)} s (--wait)`);
      }
      if (now - toldAt >= TELL_EVERY_MS) {
        warn(`${this.name}: ${outcome.why}; trying again for up to ${Math.ceil(left / 1000)} s`);
        toldAt = now;
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
