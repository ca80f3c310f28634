import {
  type CounterDocument,
  type DamagedDocument,
  parseDocument,
  sumOfSlots,
} from "../../../src/projection/mongo/document.js";
import {
  type ChangeCursor,
  type ChangedPage,
  type Checkpoint,
  type CounterStore,
  type DocumentStore,
  type ScanPage,
  type SlotUpdate,
  StoreError,
} from "../../../src/projection/mongo/store.js";
import { type CollectionName, type FakeDatabase, fieldsOf, type RawDocument } from "./fake-database.js";

export interface StoreCall {
  readonly kind: Exclude<keyof CounterStore, "series">;
  readonly collection: CollectionName;
  /** The updates of an `apply`. */
  readonly updates: readonly SlotUpdate[];
  readonly checkpoint: Checkpoint | undefined;
}

/**
 * The outcome of a call. `fail`: it never arrives. `lost`: done, but the answer is lost. `late`: given up, and done later,
 * when the test delivers it. `twice`: done, and once more later. `some`: of an `apply`, only those updates take effect.
 */
export type Fate =
  | "ok"
  | "fail"
  | "lost"
  | "late"
  | "twice"
  | { readonly some: (index: number) => boolean }
  | { readonly error: StoreError };

/** The network between a projector and the database. */
export interface Network {
  fate(call: StoreCall): Fate;
  /** Awaited before a call, or one update of it, takes effect, and before its answer returns. */
  turn(call: StoreCall, when: "effect" | "answer"): Promise<void>;
}

export const SOUND: Network = { fate: () => "ok", turn: async () => undefined };

/** Calls to a `FakeDatabase`, each with its outcome. */
class Calls {
  readonly made: StoreCall[] = [];
  network: Network;
  readonly #database: FakeDatabase;

  constructor(database: FakeDatabase, network: Network) {
    this.#database = database;
    this.network = network;
  }

  async ask<T>(kind: StoreCall["kind"], collection: CollectionName, answer: () => T): Promise<T> {
    const call: StoreCall = { kind, collection, updates: [], checkpoint: undefined };
    this.made.push(call);
    const { network } = this;
    const fate = network.fate(call);
    await network.turn(call, "effect");
    if (typeof fate === "object" && "error" in fate) throw fate.error;
    if (fate === "fail" || fate === "late") throw given(call);
    const found = answer();
    await network.turn(call, "answer");
    if (fate === "lost") throw given(call);
    return found;
  }

  /** Runs one command of several effects: between them anything may happen. */
  async write<T>(call: StoreCall, effects: readonly (() => void)[], answer: () => T): Promise<T> {
    this.made.push(call);
    const { network } = this;
    const fate = network.fate(call);
    if (typeof fate === "object" && "error" in fate) throw fate.error;
    if (fate === "late" || fate === "twice") this.#database.late.push(() => effects.forEach((effect) => void effect()));
    for (const [index, effect] of effects.entries()) {
      await network.turn(call, "effect");
      if (fate === "fail" || fate === "late") throw given(call);
      if (typeof fate !== "object" || fate.some(index)) effect();
    }
    await network.turn(call, "answer");
    if (fate === "lost") throw given(call);
    return answer();
  }
}

/** One collection of a `FakeDatabase`. */
class FakeDocuments implements DocumentStore {
  readonly #calls: Calls;
  readonly #database: FakeDatabase;
  readonly #logId: string;
  readonly #collection: CollectionName;

  constructor(calls: Calls, database: FakeDatabase, logId: string, collection: CollectionName) {
    this.#calls = calls;
    this.#database = database;
    this.#logId = logId;
    this.#collection = collection;
  }

  get #documents() {
    return this.#database[this.#collection];
  }

  read(names: readonly string[]): Promise<Map<string, CounterDocument | DamagedDocument>> {
    return this.#calls.ask("read", this.#collection, () => {
      const found = names.map((name) => this.#documents.get(name)).filter((raw) => raw !== undefined);
      return new Map(found.map(parseDocument).map((document) => [document.name, document]));
    });
  }

  async apply(updates: readonly SlotUpdate[]): Promise<boolean> {
    const call: StoreCall = { kind: "apply", collection: this.#collection, updates, checkpoint: undefined };
    const refused = new Map<string, string>();
    let matched = 0;
    const answer = await this.#calls.write(
      call,
      updates.map((update) => () => {
        const outcome = this.#database.update(this.#logId, update, this.#collection);
        if (outcome === true) matched++;
        else if (outcome !== false) refused.set(update.name, outcome.refused);
      }),
      () => matched === updates.length,
    );
    if (refused.size > 0) throw new StoreError("documents", "the server refused single documents", refused);
    return answer;
  }

  setSum(document: CounterDocument): Promise<void> {
    const call: StoreCall = { kind: "setSum", collection: this.#collection, updates: [], checkpoint: undefined };
    const effect = () => {
      const raw = this.#documents.get(document.name);
      if (raw === undefined || raw["count"] !== document.count) return;
      for (const [logId, { offset, count }] of document.slots) {
        const slot = fieldsOf(fieldsOf(raw["logs"])[logId]);
        if (slot["offset"] !== offset || slot["count"] !== count) return;
      }
      this.#documents.set(document.name, {
        ...raw,
        count: sumOfSlots(document),
        updatedAt: this.#database.now(),
      });
    };
    return this.#calls.write(call, [effect], () => undefined);
  }

  scan(after: string | undefined, limit: number): Promise<ScanPage> {
    return this.#calls.ask("scan", this.#collection, () => {
      const names = [...this.#documents.keys()].sort().filter((name) => after === undefined || name > after);
      const page = names.slice(0, limit);
      const documents = page.map((name) => parseDocument(this.#documents.get(name)));
      return { documents, next: page.length < limit ? undefined : page.at(-1) };
    });
  }
}

/** A store on a `FakeDatabase`. */
export class FakeStore extends FakeDocuments implements CounterStore {
  readonly series: DocumentStore;
  readonly #calls: Calls;
  readonly #database: FakeDatabase;
  readonly #logId: string;

  constructor(database: FakeDatabase, logId: string, network: Network = SOUND) {
    const calls = new Calls(database, network);
    super(calls, database, logId, "counters");
    this.series = new FakeDocuments(calls, database, logId, "series");
    this.#calls = calls;
    this.#database = database;
    this.#logId = logId;
  }

  /** Calls for counters and checkpoints. */
  get calls(): StoreCall[] {
    return this.#calls.made.filter(({ collection }) => collection === "counters");
  }

  get seriesCalls(): StoreCall[] {
    return this.#calls.made.filter(({ collection }) => collection === "series");
  }

  get network(): Network {
    return this.#calls.network;
  }

  set network(network: Network) {
    this.#calls.network = network;
  }

  /** Returns the number of calls of a kind. */
  made(kind: StoreCall["kind"]): number {
    return this.calls.filter((call) => call.kind === kind).length;
  }

  forgetCalls(): void {
    this.#calls.made.length = 0;
  }

  readCheckpoint(): Promise<Checkpoint | undefined> {
    return this.#calls.ask("readCheckpoint", "counters", () => this.#database.checkpoints.get(this.#logId));
  }

  writeCheckpoint(seen: Checkpoint | undefined, next: Checkpoint): Promise<boolean> {
    let written = false;
    const effect = () => {
      const there = this.#database.checkpoints.get(this.#logId);
      if (there?.offset !== seen?.offset || there?.epoch !== seen?.epoch || there?.nonce !== seen?.nonce) return;
      this.#database.checkpoints.set(this.#logId, next);
      written = true;
    };
    return this.#calls.write(
      { kind: "writeCheckpoint", collection: "counters", updates: [], checkpoint: next },
      [effect],
      () => written,
    );
  }

  changedSince(since: ChangeCursor, limit: number): Promise<ChangedPage> {
    return this.#calls.ask("changedSince", "counters", () => {
      const at = (raw: RawDocument) => (raw["updatedAt"] as Date).getTime();
      const isAfter = (raw: RawDocument) =>
        at(raw) > since.at.getTime() || (at(raw) === since.at.getTime() && String(raw["_id"]) > since.name);
      const all = [...this.#database.documents.values()].filter(isAfter).sort((a, b) => at(a) - at(b));
      const page = all.slice(0, limit);
      const last = page.at(-1);
      const next = last === undefined ? undefined : { at: new Date(at(last)), name: String(last["_id"]) };
      return { documents: page.map(parseDocument), next };
    });
  }

  hasOtherLogs(): Promise<boolean> {
    return this.#calls.ask("hasOtherLogs", "counters", () =>
      [...this.#database.checkpoints.keys()].some((id) => id !== this.#logId),
    );
  }

  prepare(): Promise<void> {
    return this.#calls.ask("prepare", "counters", () => undefined);
  }
}

function given(call: StoreCall): StoreError {
  return new StoreError("transient", `no answer to ${call.kind}`);
}
