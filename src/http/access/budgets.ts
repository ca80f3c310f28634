import type { BudgetFigures } from "../../model/services.js";
import { FairShare } from "./fair-share.js";

const MIB = 1024 * 1024;

/** What all clients together hold at most. */
export interface BudgetBounds {
  readonly connections: number;
  /** Event streams. */
  readonly streams: number;
  /** Bytes of bulk bodies, and of what becomes of them. */
  readonly bulkBytes: number;
  /** Bytes of answers that are not read yet, and of requests that wait on their connections. */
  readonly answerBytes: number;
}

const BOUNDS: BudgetBounds = { connections: 10_000, streams: 1000, bulkBytes: 128 * MIB, answerBytes: 64 * MIB };

/** The part of each bound that operators and this machine get even while strangers hold all the rest. */
const RESERVE = 1 / 8;

/** What clients hold for a while and could take from each other, each shared fairly. */
export class Budgets {
  readonly connections: FairShare;
  readonly streams: FairShare;
  readonly bulkBytes: FairShare;
  readonly answerBytes: FairShare;

  constructor(bounds: Partial<BudgetBounds> = {}) {
    const { connections, streams, bulkBytes, answerBytes } = { ...BOUNDS, ...bounds };
    this.connections = shareOf(connections);
    this.streams = shareOf(streams);
    this.bulkBytes = shareOf(bulkBytes);
    this.answerBytes = shareOf(answerBytes);
  }

  figures(): BudgetFigures {
    return {
      connections: this.connections,
      streams: this.streams,
      bulk_bytes: this.bulkBytes,
      answer_bytes: this.answerBytes,
    };
  }
}

function shareOf(capacity: number): FairShare {
  return new FairShare({ capacity, reserve: Math.floor(capacity * RESERVE) });
}
