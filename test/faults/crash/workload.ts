import { HitsError } from "../../../src/errors.js";
import { writeRegistration } from "../../../src/wal/registrations.js";
import { LOCAL, recordAll } from "../../support/local-log.js";
import { seeded } from "../../support/memory-file.js";
import { MemoryFileSystem } from "../../support/memory-file-system.js";
import { type OperationKind, type Outcome, systemError } from "../../support/memory-handle.js";
import { damage } from "./damage.js";
import type { Determinism } from "./determinism.js";
import { Killable } from "./killable.js";
import { type Entry, keyIn, Ledger } from "./ledger.js";
import { repair, repairNothing, verifyRepaired } from "./repair.js";
import { directoryOn, openServer, type Server } from "./server.js";

/** A workload's operations on the disk, in order, and its ledger. */
export interface Recording {
  readonly fs: MemoryFileSystem;
  readonly durableWrites: boolean;
  readonly ledger: Ledger;
}

const STEPS = 28;
const CERTAINLY_NOT_COUNTED = new Set(["QUEUE_FULL", "DISK_FULL", "CLOSING", "TOO_MANY_KEYS", "TOO_MANY_COUNTERS"]);
const FAULTS: readonly OperationKind[] = [
  "sync",
  "sync",
  "write",
  "write",
  "write",
  "rename",
  "syncDirectory",
  "unlink",
];

/**
 * Runs the server's parts through what happens to them: hits of many sizes alone and at once, bulk requests, retries,
 * rotation, seals, snapshots, retention, registrations, starts in order and after kill -9, repairs while no server runs, bytes
 * that a disk has lied about, a full disk, and operations that fail. The same seed gives the same operations.
 */
export async function record(seed: number, determinism: Determinism): Promise<Recording> {
  determinism.seed(seed);
  const durableWrites = seed % 2 === 0;
  const workload = new Workload(seed, durableWrites, determinism);
  await workload.run();
  return { fs: workload.fs, durableWrites, ledger: workload.ledger };
}

class Workload {
  readonly fs: MemoryFileSystem;
  readonly ledger = new Ledger();
  readonly #random: () => number;
  readonly #determinism: Determinism;
  #process: Killable;
  #server: Server | undefined;
  #failed = false;
  #faultOver: () => void = () => undefined;

  constructor(seed: number, durableWrites: boolean, determinism: Determinism) {
    this.fs = new MemoryFileSystem({ durableWrites });
    this.#process = new Killable(this.fs);
    this.#random = seeded(seed ^ 0x5eed);
    this.#determinism = determinism;
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      if (this.#server === undefined) await this.#stopped();
      else await this.#step(this.#server);
      if (this.#failed || this.#process.isDead) this.#leave();
    }
  }

  async #step(server: Server): Promise<void> {
    const steps: readonly (readonly [weight: number, step: () => Promise<void> | void])[] = [
      [8, () => this.#hits(server, this.#upTo(6))],
      [3, () => this.#bulk(server, this.#upTo(20))],
      [2, () => this.#retry(server)],
      [2, () => this.#determinism.advance(250)],
      [3, () => this.#snapshot(server)],
      [2, () => this.#retain(server)],
      [1, () => this.#register(server)],
      [2, () => this.#close(server)],
      [1, () => this.#process.kill()],
      [2, () => this.#killAmid(server)],
      [6, () => this.#faultAmid(server)],
      [1, () => this.#fillDisk()],
    ];
    let at = this.#random() * steps.reduce((sum, [weight]) => sum + weight, 0);
    const chosen = steps.find(([weight]) => {
      at -= weight;
      return at < 0;
    });
    await this.#orDead(Promise.resolve(chosen?.[1]()));
    await this.#settle();
  }

  async #stopped(): Promise<void> {
    const isDamaged = this.ledger.isDamagedAt(this.fs.record.length);
    if (!isDamaged && this.#random() < 0.08) await this.#damage();
    else if (this.#random() < (isDamaged ? 0.7 : 0.2)) await this.#repair();
    else await this.#open();
  }

  async #open(): Promise<void> {
    this.#process = new Killable(this.fs);
    // Now and then another crash comes before the opening is through.
    if (this.#random() < 0.15) this.#process.killAfter(this.#upTo(40));
    const opening = openServer(this.#process, () => {
      this.#failed = true;
    });
    const opened = opening.then(
      (server) => {
        this.#server = server;
        this.ledger.openings.push({ at: this.fs.record.length, baseOffset: server.log.recovery.baseOffset, sent: 0 });
        const isDamaged = this.ledger.isDamagedAt(this.fs.record.length);
        if (server.log.damage.length > 0 && !isDamaged) throw new Error(`damage: ${JSON.stringify(server.log.damage)}`);
      },
      (error: unknown) => {
        // An operation of the opening was made to fail.
        if (!(error instanceof HitsError && error.code === "LOG_FAILED")) throw error;
      },
    );
    await this.#orDead(opened);
    await this.#settle();
  }

  /** `wal repair` while no server runs, through, killed on its way, or met by a fault. */
  async #repair(): Promise<void> {
    this.#process = new Killable(this.fs);
    const chance = this.#random();
    if (chance < 0.3) this.#process.killAfter(this.#upTo(120));
    else if (chance < 0.5) this.#fault();
    const how = this.#random() < 0.3 ? "dry" : "yes";
    const isDamaged = this.ledger.isDamagedAt(this.fs.record.length);
    const repairing = (isDamaged ? repair : repairNothing)(this.#process, how).then(async (steps) => {
      if (how === "dry" || steps === undefined) return;
      this.ledger.repairs.push(this.fs.record.length);
      await verifyRepaired(this.#process);
    });
    await this.#orDead(repairing.catch(injectedOnly));
    await this.#settle();
    this.#leave();
  }

  /** Old bytes, after which others were acknowledged. */
  async #damage(): Promise<void> {
    const damaged = this.ledger.damagedAt(this.fs.record.length);
    const whole = this.ledger.entries.filter(({ hit }) => !damaged.has(keyIn(hit.payload)));
    const below = Math.max(0, ...whole.map(({ answer }) => answer?.offset ?? 0));
    if (below === 0) return;
    const keys = await damage(this.fs, below, this.#random);
    if (keys !== undefined) this.ledger.damages.push({ at: this.fs.record.length, keys });
  }

  /** The process ends: in order, killed, or as one whose log has failed. */
  #leave(): void {
    this.#process.kill();
    this.#server = undefined;
    this.#failed = false;
    this.#faultOver();
    this.fs.capacity = Number.POSITIVE_INFINITY;
  }

  async #hits(server: Server, count: number): Promise<void> {
    const sent = Array.from({ length: count }, () => this.#send(server, this.#newEntry()));
    await this.#orDead(Promise.all(sent));
  }

  async #bulk(server: Server, count: number): Promise<void> {
    const entries = Array.from({ length: count }, () => this.#newEntry(200));
    const moment = this.fs.record.length;
    this.#countSent(count);
    await recordAll(
      server.collector,
      entries.map(({ hit }) => hit),
    ).then(
      ({ firstOffset }) => {
        const at = this.fs.record.length;
        for (const [index, entry] of entries.entries()) {
          entry.answer = { at, offset: (firstOffset ?? moment) + index, count: undefined };
        }
      },
      (error: unknown) => this.#refused(entries, error),
    );
  }

  async #send(server: Server, entry: Entry): Promise<void> {
    this.#countSent(1);
    await server.collector.record(entry.hit, LOCAL).then(
      ({ offset, count }) => {
        entry.answer ??= { at: this.fs.record.length, offset, count: count ?? undefined };
        if (entry.answer.offset !== offset)
          throw new Error(`a retry was counted at ${offset}: ${JSON.stringify(entry)}`);
      },
      (error: unknown) => this.#refused([entry], error),
    );
  }

  #refused(entries: readonly Entry[], error: unknown): void {
    if (!(error instanceof HitsError)) throw error;
    if (error.code !== "LOG_FAILED" && !CERTAINLY_NOT_COUNTED.has(error.code)) throw error;
    for (const entry of entries) if (entry.answer === undefined) entry.refused ||= error.code !== "LOG_FAILED";
  }

  async #retry(server: Server): Promise<void> {
    const damaged = this.ledger.damagedAt(this.fs.record.length);
    const keyed = this.ledger.entries.filter(({ hit, refused, answer }) => {
      // With the hit its id may be gone, too.
      if (damaged.has(keyIn(hit.payload))) return false;
      return hit.id !== undefined && !refused && (answer === undefined || answer.count !== undefined);
    });
    const entry = keyed[Math.floor(this.#random() * keyed.length)];
    if (entry === undefined) return;
    // That it was unknown before stays true, also where this retry is refused.
    const before = entry.answer === undefined;
    await this.#send(server, entry);
    if (before) entry.refused = false;
  }

  async #snapshot(server: Server): Promise<void> {
    const busy = this.#random() < 0.5 ? this.#hits(server, this.#upTo(3)) : undefined;
    await Promise.all([server.local.snapshot().catch(injectedOnly), busy]);
  }

  async #retain(server: Server): Promise<void> {
    const bytes = this.#random() < 0.5 ? 0 : 16 * 1024;
    this.#determinism.advance(1000);
    await server.log
      .applyRetention({ ms: Number.POSITIVE_INFINITY, bytes }, server.local.neededFrom)
      .catch(injectedOnly);
  }

  async #register({ log }: Server): Promise<void> {
    const name = this.#random() < 0.7 ? "one" : "two";
    const { epoch, nonce, end: offset } = log;
    await writeRegistration(directoryOn(this.#process), { name, offset, epoch, nonce, updatedAt: "" }).then(
      () => this.ledger.registered.push({ at: this.fs.record.length, name, offset }),
      injectedOnly,
    );
  }

  async #close(server: Server): Promise<void> {
    const late = this.#random() < 0.5 ? this.#hits(server, this.#upTo(3)) : undefined;
    await server.log.drain();
    await server.local.snapshot().catch(injectedOnly);
    await server.log.close();
    await late;
    this.#process.kill();
  }

  async #killAmid(server: Server): Promise<void> {
    this.#process.killAfter(this.#upTo(12));
    await this.#hits(server, this.#upTo(6));
    if (this.#random() < 0.5) await this.#snapshot(server);
  }

  async #faultAmid(server: Server): Promise<void> {
    const isLate = this.#random() < 0.3;
    if (!isLate) this.#fault();
    await this.#hits(server, this.#upTo(4));
    if (isLate) this.#fault();
    // What is idle is sealed.
    if (isLate || this.#random() < 0.2) this.#determinism.advance(250);
    else if (this.#random() < 0.3) await this.#snapshot(server);
  }

  /** One of the next operations fails, the cache and the disk as they may be then. */
  #fault(): void {
    this.#faultOver();
    const kind = FAULTS[Math.floor(this.#random() * FAULTS.length)] ?? "sync";
    const share = Math.floor(this.#random() * 3) / 2;
    // Most often in the log itself, where an acknowledgement hangs on it.
    const where = (kind === "write" || kind === "sync") && this.#random() < 0.7 ? ".log" : "";
    const isShort = kind === "write" && this.#random() < 0.4;
    this.#faultOver = this.fs.onNth(kind, where, this.#random() < 0.7 ? 1 : 2, (operation): Outcome => {
      const short = Math.floor((operation.bytes?.length ?? 0) * share);
      if (isShort) return { short: Math.ceil(short * 0.9) };
      return { error: systemError("EIO"), ...(kind === "write" ? { short } : {}) };
    });
  }

  /** No room for much more; the next step like this makes room again. */
  #fillDisk(): void {
    const isFull = this.fs.capacity !== Number.POSITIVE_INFINITY;
    this.fs.capacity = isFull ? Number.POSITIVE_INFINITY : this.fs.used + this.#upTo(6000);
    this.#determinism.advance(1000);
  }

  #newEntry(maxPad = 9000): Entry {
    const counter = `counter-${Math.floor(this.#random() ** 2 * 6)}`;
    const n = this.#random() < 0.8 ? 1 : this.#upTo(1000);
    const id = this.#random() < 0.4 ? { id: `id-${this.ledger.entries.length}` } : {};
    const number = this.ledger.entries.length;
    // Some carry their own time: in hours of a few days that are long past.
    const at = number % 3 === 0 ? { at: Date.UTC(2026, 0, 1) + (number % 7) * 11 * 3_600_000 } : {};
    return this.ledger.add(
      this.fs.record.length,
      { counter, n, ...id, ...at },
      Math.floor(this.#random() ** 4 * maxPad),
    );
  }

  #countSent(count: number): void {
    const opening = this.ledger.openings.at(-1);
    if (opening !== undefined) opening.sent += count;
  }

  #upTo(max: number): number {
    return 1 + Math.floor(this.#random() * max);
  }

  async #orDead(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.#process.died]);
  }

  /** Waits until nothing moves any more. */
  async #settle(): Promise<void> {
    for (let before = -1, still = 0; still < 5; ) {
      still = before === this.fs.record.length ? still + 1 : 0;
      before = this.fs.record.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function injectedOnly(error: unknown): void {
  if (!(error instanceof Error && /EIO: injected|ENOSPC|wrote nothing/.test(error.message))) throw error;
}
