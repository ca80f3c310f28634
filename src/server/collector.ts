import type { Client } from "../model/access.js";
import { type Hit, isKeyed } from "../model/hit.js";
import type { HitCollector, HitGroup, Recorded } from "../model/services.js";
import { keyOf } from "../projection/idempotency-keys.js";
import type { LocalProjection } from "../projection/local.js";
import type { Log } from "../wal/log.js";
import { Admission, type CollectorOptions } from "./admission.js";
import { Group } from "./hit-group.js";
import { SingleHit } from "./single-hit.js";

/**
 * The way of hits into the log: checks that they may count, appends them, and adds them to the local projection in the
 * order of the log once they are durable, before they are acknowledged.
 */
export class Collector implements HitCollector {
  readonly #log: Log;
  readonly #admission: Admission;

  constructor(log: Log, local: LocalProjection, options: CollectorOptions) {
    this.#log = log;
    this.#admission = new Admission(local, options);
  }

  /** Hits made durable since the start. */
  get accepted(): number {
    return this.#admission.accepted;
  }

  record(hit: Hit, client: Client): Promise<Recorded> {
    return new Promise((resolve, reject) => this.#record(hit, client, resolve, reject));
  }

  group(client: Client): HitGroup {
    return new Group(this.#log, this.#admission, client);
  }

  #record(hit: Hit, client: Client, resolve: (recorded: Recorded) => void, reject: (error: unknown) => void): void {
    const admission = this.#admission;
    const key = isKeyed(hit) ? keyOf(hit) : undefined;
    const refused = admission.refuse(hit, key, client);
    if (refused !== undefined) {
      reject(refused);
      return;
    }
    const first = key === undefined ? undefined : admission.keys.firstAnswer(key);
    if (first !== undefined) {
      first.then(({ offset, count }) => resolve({ offset, count, replayed: true }), reject);
      return;
    }
    const index = admission.indexOf(hit.counter);
    const refusal =
      admission.refuseNumber(hit, admission.count(hit.counter, index), 0, 0) ??
      (index === -1 ? admission.names?.refuse(hit.counter, client) : undefined);
    if (refusal !== undefined) {
      reject(refusal);
      return;
    }
    const counter = {
      index,
      name: index === -1 ? admission.names?.reserve(hit.counter, client) : undefined,
      key: key === undefined ? undefined : admission.keys.reserve(key, hit, client),
    };
    const single = new SingleHit(admission, hit, counter, resolve, reject);
    try {
      this.#log.append(single);
    } catch (error) {
      single.drop(error);
    }
  }
}
