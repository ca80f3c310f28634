import type { ErrorCode } from "../errors.js";
import type { StatusReader, UncountedTally } from "../model/services.js";
import type { DamageStatus, MissingStatus, ProjectionStatus, ServiceStatus } from "../model/status.js";
import type { LocalProjection } from "../projection/local.js";
import type { Damage } from "../wal/damage.js";
import type { Log } from "../wal/log.js";
import type { MissingRange } from "../wal/missing-ranges.js";
import type { Collector } from "./collector.js";
import type { ExternalProjections } from "./projections.js";

/** Hits refused, and requests not counted on purpose, since the start of this process. */
export class Tally implements UncountedTally {
  readonly #rejected = new Map<ErrorCode, number>();
  readonly #notCounted = new Map<string, number>();

  noteRejected(code: ErrorCode, hits: number): void {
    this.#rejected.set(code, (this.#rejected.get(code) ?? 0) + hits);
  }

  noteNotCounted(reason: string): void {
    this.#notCounted.set(reason, (this.#notCounted.get(reason) ?? 0) + 1);
  }

  /** Hits by the code of the error that refused them. */
  get rejected(): ReadonlyMap<ErrorCode, number> {
    return this.#rejected;
  }

  get rejectedTotal(): number {
    return [...this.#rejected.values()].reduce((total, hits) => total + hits, 0);
  }

  /** Requests by the reason for not counting them. */
  get notCounted(): ReadonlyMap<string, number> {
    return this.#notCounted;
  }
}

export interface StatusSources {
  readonly log: Log;
  readonly local: LocalProjection;
  readonly collector: Collector;
  readonly external: ExternalProjections;
  readonly tally: Tally;
}

/** The state of log, projections and hits, as `GET /status` reports it. */
export class ServerStatus implements StatusReader {
  readonly #sources: StatusSources;
  readonly #startedAt = performance.now();

  constructor(sources: StatusSources) {
    this.#sources = sources;
  }

  read(): ServiceStatus {
    const { log, local, collector, external, tally } = this.#sources;
    const { damage, missing, ...rest } = log.status();
    return {
      log: { ...rest, damage: damage.map(damageStatus), missing: missing.map(missingStatus) },
      projections: [localStatus(local), ...external.statuses()],
      accepted: collector.accepted,
      rejected: tally.rejectedTotal,
      uptime: Math.floor((performance.now() - this.#startedAt) / 1000),
    };
  }
}

function damageStatus({ file, byte, from, to, expected, found }: Damage): DamageStatus {
  return { file, byte, from, to: to ?? null, found: `${found}, where ${expected} should be` };
}

function missingStatus({ file, from, to, repaired, restoredRecords, settled }: MissingRange): MissingStatus {
  return { file, from, to, repaired, mended: restoredRecords.length, settled };
}

function localStatus(local: LocalProjection): ProjectionStatus {
  return {
    name: "local",
    checkpoint: local.offset,
    // Every batch is folded before anything of it is acknowledged.
    lag: 0,
    state: local.halted === undefined ? "running" : "halted",
    blocked: 0,
    lastError: local.halted?.message ?? null,
    since: local.since,
  };
}
