import type { Hit } from "../../../src/model/hit.js";
import type { Operation } from "../../support/memory-handle.js";

/** A hit as its client knows it. Moments are counted in operations of the file system: so many were done before. */
export interface Entry {
  readonly hit: Hit;
  /** The moment at which it was first sent. */
  readonly sent: number;
  /** Each first answer is the answer to every retry. */
  answer?: { readonly at: number; readonly offset: number; readonly count: number | undefined };
  /** Refused with a code that means "certainly not counted", and never sent again. */
  refused: boolean;
}

/** The knowledge of a workload's clients and operators, with the moment at which they got it. */
export class Ledger {
  readonly entries: Entry[] = [];
  /** Openings that came about: nothing of an epoch was written or read before. */
  readonly openings: { readonly at: number; readonly baseOffset: number; sent: number }[] = [];
  /** Hits whose bytes the disk has lied about: they may be missing from then on. */
  readonly damages: { readonly at: number; readonly keys: ReadonlySet<number> }[] = [];
  /** Repairs that went through. */
  readonly repairs: number[] = [];
  readonly registered: { readonly at: number; readonly name: string; readonly offset: number }[] = [];

  /** Returns a hit that differs from all others: its payload identifies it. */
  add(moment: number, hit: { counter: string; n: number; id?: string; at?: number }, payloadBytes: number): Entry {
    const payload = JSON.stringify({ k: this.entries.length, pad: "x".repeat(payloadBytes) });
    const entry: Entry = { hit: { ...hit, payload }, sent: moment, refused: false };
    this.entries.push(entry);
    return entry;
  }

  /** Returns whether the disk has changed bytes and no repair has finished since. */
  isDamagedAt(moment: number): boolean {
    const last = this.damages.filter(({ at }) => at <= moment).at(-1);
    return last !== undefined && !this.repairs.some((at) => at >= last.at && at <= moment);
  }

  /** The numbers of hits that may be missing. */
  damagedAt(moment: number): ReadonlySet<number> {
    return new Set(this.damages.filter(({ at }) => at <= moment).flatMap(({ keys }) => [...keys]));
  }

  /** The hits that may be in the log at a moment, and those that must. `record`: what was done to the disk. */
  at(moment: number, record: readonly Operation[]): Known {
    const damaged = this.damagedAt(moment);
    const possible = this.entries.filter(({ sent, refused }) => sent <= moment && !refused);
    const answered = possible.filter(({ answer }) => answer !== undefined && answer.at <= moment);
    const acknowledged = answered.filter(({ hit }) => !damaged.has(keyIn(hit.payload)));
    const openings = this.openings.filter(({ at }) => at <= moment);
    const offsets = answered.map(({ answer }) => answer?.offset ?? 0);
    const mayHave = openings.map(({ baseOffset, sent }) => baseOffset + sent - 1);
    const registered = new Map<string, number>();
    for (const { at, name, offset } of this.registered) if (at <= moment) registered.set(name, offset);
    const failed = record.slice(openings.at(-1)?.at ?? 0, moment).some((operation) => operation.failed === true);
    const highest = Math.max(-1, ...offsets, ...mayHave);
    const isDamaged = this.isDamagedAt(moment);
    return { possible, acknowledged, damaged, isDamaged, highest, registered, failed };
  }
}

export interface Known {
  readonly possible: readonly Entry[];
  /** Without those that are damaged. */
  readonly acknowledged: readonly Entry[];
  /** Numbers of hits that may be missing: a disk has lied about them. */
  readonly damaged: ReadonlySet<number>;
  /** … and no repair has been through since. */
  readonly isDamaged: boolean;
  /** No offset up to here may be given out again. */
  readonly highest: number;
  /** By name: the checkpoint that was registered last. */
  readonly registered: ReadonlyMap<string, number>;
  /**
   * A write or a sync has failed and no start has come about since. Another process can read what nobody was told of then,
   * and a power cut takes it back: docs/reliability.md, "Not promised".
   */
  readonly failed: boolean;
}

/** Returns the number of the ledger's hit that a payload belongs to; -1 for none. */
export function keyIn(payload: string | undefined): number {
  return Number(/^\{"k":(\d+),/.exec(payload ?? "")?.[1] ?? -1);
}
