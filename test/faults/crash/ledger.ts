import type { Hit } from "../../../src/hit.js";
import type { Operation } from "../../support/memory-handle.js";

/** A hit as its client knows it. Moments are counted in operations of the file system: so many were done before. */
export interface Entry {
  readonly hit: Hit;
  /** When it was sent first. */
  readonly sent: number;
  /** Each first answer is the answer to every retry. */
  answer?: { readonly at: number; readonly offset: number; readonly count: number | undefined };
  /** Refused with a code that says "certainly not counted", and never sent again. */
  refused: boolean;
}

/** What clients and operators of a workload know, with the moment at which they got to know it. */
export class Ledger {
  readonly entries: Entry[] = [];
  /** Openings that came about: nothing of an epoch was written or read before. */
  readonly openings: { readonly at: number; readonly baseOffset: number; sent: number }[] = [];
  readonly registered: { readonly at: number; readonly name: string; readonly offset: number }[] = [];

  /** A hit that no other is like: its payload says which one it is. */
  add(moment: number, hit: { counter: string; n: number; id?: string }, payloadBytes: number): Entry {
    const payload = JSON.stringify({ k: this.entries.length, pad: "x".repeat(payloadBytes) });
    const entry: Entry = { hit: { ...hit, payload }, sent: moment, refused: false };
    this.entries.push(entry);
    return entry;
  }

  /** The hits that may be in the log at a moment, and those that must. `record`: what was done to the disk. */
  at(moment: number, record: readonly Operation[]): Known {
    const possible = this.entries.filter(({ sent, refused }) => sent <= moment && !refused);
    const acknowledged = possible.filter(({ answer }) => answer !== undefined && answer.at <= moment);
    const openings = this.openings.filter(({ at }) => at <= moment);
    const offsets = acknowledged.map(({ answer }) => answer?.offset ?? 0);
    const mayHave = openings.map(({ baseOffset, sent }) => baseOffset + sent - 1);
    const registered = new Map<string, number>();
    for (const { at, name, offset } of this.registered) if (at <= moment) registered.set(name, offset);
    const failed = record.slice(openings.at(-1)?.at ?? 0, moment).some((operation) => operation.failed === true);
    return { possible, acknowledged, highest: Math.max(-1, ...offsets, ...mayHave), registered, failed };
  }
}

export interface Known {
  readonly possible: readonly Entry[];
  readonly acknowledged: readonly Entry[];
  /** No offset up to here may be given out again. */
  readonly highest: number;
  /** By name: the checkpoint that was registered last. */
  readonly registered: ReadonlyMap<string, number>;
  /**
   * A write or a sync has failed and no start has come about since. Another process can read what nobody was told of then,
   * and a power cut takes it back: README, "What is not promised".
   */
  readonly failed: boolean;
}

/** Which hit of the ledger a payload belongs to. */
export function keyIn(payload: string | undefined): number {
  return Number(/^\{"k":(\d+),/.exec(payload ?? "")?.[1] ?? -1);
}
