import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { HitsError } from "../../errors.js";
import type { CounterState } from "../../model/counters.js";
import type { Logger, Services } from "../../model/services.js";
import type { ProjectionStatus } from "../../model/status.js";
import type { Clients } from "../access/clients.js";
import type { FairShare, Holding } from "../access/fair-share.js";
import { counterOrUnknown, type UnknownCounter } from "./counters.js";

export interface StreamBounds {
  /** The interval between reads of the counters. */
  readonly pollMs: number;
  /** The interval between comments on a stream, which keep proxies from closing it. */
  readonly commentMs: number;
  /** A client that has more than this unread is disconnected. */
  readonly maxUnreadBytes: number;
}

const BOUNDS: StreamBounds = { pollMs: 250, commentMs: 15_000, maxUnreadBytes: 64 * 1024 };

/** The time for which streams are updated before other requests get a turn. */
const SLICE_MS = 4;

/** While only lag changes, as it does with every hit of any counter, a stream gets an event this often. */
const LAG_MS = 1000;

const HEADERS = [
  "Content-Type",
  "text/event-stream",
  "Cache-Control",
  "no-store, no-transform",
  "X-Accel-Buffering",
  "no",
  "X-Content-Type-Options",
  "nosniff",
];

/** The part of a projection's status that events contain. */
export type ProjectionNews = Pick<ProjectionStatus, "name" | "state" | "since" | "lag" | "lastError">;

/** All streams of one counter. */
interface Channel {
  readonly counter: string;
  readonly streams: Set<ServerResponse>;
  /** The last state sent, without times and lag, and without times only. */
  state: string;
  stateAndLag: string;
  sentAt: number;
}

export interface EventSources {
  readonly services: Services;
  /** The projections as everybody may see them. */
  readonly projections: () => readonly ProjectionStatus[];
  readonly clients: Clients;
  /** Shares the streams among clients. */
  readonly share: FairShare;
  readonly logger: Logger;
  readonly bounds?: Partial<StreamBounds>;
}

/** `GET /events`: a counter's state, at once and on every change, as server-sent events. */
export class EventStreams {
  readonly #services: Services;
  readonly #projectionStatuses: () => readonly ProjectionStatus[];
  readonly #clients: Clients;
  readonly #share: FairShare;
  readonly #logger: Logger;
  readonly #bounds: StreamBounds;
  readonly #channels = new Map<string, Channel>();
  #timer: NodeJS.Timeout | undefined;
  #isUpdating = false;
  #commentedAt = 0;
  #stopped = false;

  constructor({ services, projections, clients, share, logger, bounds }: EventSources) {
    this.#services = services;
    this.#projectionStatuses = projections;
    this.#clients = clients;
    this.#share = share;
    this.#logger = logger;
    this.#bounds = { ...BOUNDS, ...bounds };
  }

  /**
   * Answers with a stream of this counter's states, HEAD with its headers. Throws `CLOSING` once stopped, and `TOO_MANY_STREAMS`
   * if there are too many and no client has more than this one; otherwise another's oldest ends.
   */
  open(res: ServerResponse, counter: string): void {
    if (this.#stopped) throw new HitsError("CLOSING", "this server is shutting down");
    if (res.req.method === "HEAD") {
      res.writeHead(200, HEADERS);
      res.end();
      return;
    }
    const holding = this.#share.take(this.#clients.of(res.req), 1, { evict: () => res.end() });
    if (holding === undefined) {
      throw new HitsError("TOO_MANY_STREAMS", `${this.#share.held} event streams are open: too many for another one`);
    }
    try {
      this.#start(res, counter, holding);
    } catch (error) {
      holding.release();
      throw error;
    }
  }

  #start(res: ServerResponse, counter: string, holding: Holding): void {
    const channel = this.#channels.get(counter) ?? this.#newChannel(counter);
    // Open streams get a change together with the new one, not after it.
    const projections = this.#projections();
    this.#refresh(channel, projections);
    const first = frameOf(counterOrUnknown(this.#services, counter), projections);
    res.writeHead(200, HEADERS);
    res.write(`retry: 1000\n\n${first}`);
    channel.streams.add(res);
    this.#channels.set(counter, channel);
    res.once("close", () => {
      holding.release();
      this.#remove(channel, res);
    });
    this.#startTimer();
  }

  /** Ends all streams, and refuses new ones from now on. */
  stop(): void {
    this.#stopped = true;
    for (const channel of this.#channels.values()) for (const res of channel.streams) res.end();
  }

  #newChannel(counter: string): Channel {
    return { counter, streams: new Set(), state: "", stateAndLag: "", sentAt: 0 };
  }

  #remove(channel: Channel, res: ServerResponse): void {
    channel.streams.delete(res);
    if (channel.streams.size === 0 && this.#channels.get(channel.counter) === channel) {
      this.#channels.delete(channel.counter);
    }
    if (this.#channels.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #startTimer(): void {
    if (this.#timer !== undefined) return;
    this.#commentedAt = performance.now();
    this.#timer = setInterval(() => void this.#update(), this.#bounds.pollMs).unref();
  }

  async #update(): Promise<void> {
    if (this.#isUpdating) return;
    this.#isUpdating = true;
    try {
      await this.#updateInSlices();
    } catch (error) {
      this.#logger.error({ err: error }, "cannot update event streams");
    } finally {
      this.#isUpdating = false;
    }
  }

  async #updateInSlices(): Promise<void> {
    let since = performance.now();
    let projections = this.#projections();
    const needsComment = since - this.#commentedAt >= this.#bounds.commentMs;
    if (needsComment) this.#commentedAt = since;
    for (const channel of this.#channels.values()) {
      if (performance.now() - since > SLICE_MS) {
        await nextTurn();
        since = performance.now();
        projections = this.#projections();
      }
      this.#refresh(channel, projections);
      if (needsComment) this.#send(channel, ":\n\n");
    }
  }

  #projections(): ProjectionNews[] {
    return this.#projectionStatuses().map(({ name, state, since, lag, lastError }) => {
      return { name, state, since, lag, lastError };
    });
  }

  /** Sends the counter's state to the streams of a channel if it has changed. */
  #refresh(channel: Channel, projections: readonly ProjectionNews[]): void {
    const counter = counterOrUnknown(this.#services, channel.counter);
    const state = JSON.stringify([{ ...counter, asOf: "" }, projections.map((one) => ({ ...one, lag: 0 }))]);
    const stateAndLag = state + projections.map((one) => one.lag).join();
    const now = performance.now();
    const isNew = state !== channel.state || (stateAndLag !== channel.stateAndLag && now - channel.sentAt >= LAG_MS);
    if (!isNew) return;
    channel.state = state;
    channel.stateAndLag = stateAndLag;
    channel.sentAt = now;
    this.#send(channel, frameOf(counter, projections));
  }

  #send(channel: Channel, text: string): void {
    for (const res of channel.streams) {
      if (res.writableEnded) continue;
      if (res.writableLength > this.#bounds.maxUnreadBytes) res.destroy();
      else res.write(text);
    }
  }
}

function frameOf(counter: CounterState | UnknownCounter, projections: readonly ProjectionNews[]): string {
  return `event: counter\ndata: ${JSON.stringify({ ...counter, projections })}\n\n`;
}
