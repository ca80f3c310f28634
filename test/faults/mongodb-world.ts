import type { Document } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { walWith } from "../cli/wal/harness.js";
import { eventually } from "../projection/mongo/documents.js";
import { FakeData } from "../support/mongodb/fake-data.js";
import { FakeServer } from "../support/mongodb/fake-server.js";
import { ServerProcess, temporaryDirectory } from "../support/server-process.js";

/** Generous: these answer in milliseconds, and the driver's shortest time-out is longer. */
const AT_ONCE_MS = 1900;
const NAMESPACE = "hits.counters";

interface Projection {
  readonly name: string;
  readonly state: string;
  readonly lastError: string | null;
  readonly blockedCounters: readonly { readonly counter: string; readonly reason: string }[];
}

/** The real server with a MongoDB that does what a test wants, and a ledger of what was acknowledged. */
export class FaultyWorld {
  readonly mongo: FakeServer;
  readonly #server: ServerProcess;
  readonly #directory: string;
  readonly #url: string;
  readonly #ledger = new Map<string, number>();

  private constructor(mongo: FakeServer, server: ServerProcess, directory: string, url: string) {
    this.mongo = mongo;
    this.#server = server;
    this.#directory = directory;
    this.#url = url;
  }

  /** `url`: the server's MONGODB_URL, if it is not just the address of `mongo`. */
  static async open(mongo: FakeServer, url = mongo.url, settings: Record<string, string> = {}): Promise<FaultyWorld> {
    const directory = `${temporaryDirectory()}/wal`;
    const server = await ServerProcess.start({ WAL_DIR: directory, MONGODB_URL: url, ...settings });
    return new FaultyWorld(mongo, server, directory, url);
  }

  /** A hit is counted at once, whatever MongoDB does. */
  async hit(counter: string, n = 1): Promise<void> {
    const { status, body } = await this.#get(`/hits/${counter}?n=${n}`, "POST");
    assert.is(status, 202, JSON.stringify(body));
    const total = (this.#ledger.get(counter) ?? 0) + n;
    this.#ledger.set(counter, total);
    assert.is(body["count"], total, `the count of ${counter}`);
  }

  /** Many at once, one hit each. */
  async hitAll(counters: readonly string[]): Promise<void> {
    const body = counters.map((counter) => JSON.stringify({ counter })).join("\n");
    const { status } = await this.#get("/hits", "POST", body);
    assert.is(status, 202);
    for (const counter of counters) this.#ledger.set(counter, (this.#ledger.get(counter) ?? 0) + 1);
  }

  /** Checks that reads answer at once as well, and with every hit. */
  async everythingAnswers(): Promise<void> {
    for (const [counter, total] of [...this.#ledger].slice(0, 20)) {
      assert.is((await this.shown(counter)).count, total);
    }
    for (const where of ["/counters?limit=10", "/status", "/readyz", "/?peek"]) {
      assert.is((await this.#get(where)).status, 200, where);
    }
  }

  async shown(counter: string): Promise<{ count: number; projected: number; pending: number }> {
    return (await this.#get(`/counters/${counter}`)).body as { count: number; projected: number; pending: number };
  }

  async projection(): Promise<Projection> {
    const { projections } = (await this.#get("/status")).body as { projections: Projection[] };
    const found = projections.find(({ name }) => name === "mongodb");
    assert.ok(found);
    return found;
  }

  /** Resolves once `/status` reports that it is being retried, and why. */
  async reportsSoon(lastError: RegExp, seconds = 20): Promise<void> {
    await eventually(
      `retrying with ${lastError}`,
      async () => {
        const projection = await this.projection();
        const { state, lastError: said } = projection;
        return (state === "retrying" && lastError.test(said ?? "")) || { state, said };
      },
      seconds,
    );
  }

  /** Resolves once MongoDB has what was acknowledged, no more and no less, `/status` agrees, and `wal audit` finds it exact. */
  async exactSoon(seconds = 20): Promise<void> {
    await eventually(
      "all is in MongoDB",
      async () => {
        const held = this.held();
        return [...this.#ledger].every(([counter, total]) => held.get(counter) === total) || [...held];
      },
      seconds,
    );
    await eventually("it is shown as projected", async () => {
      for (const [counter, total] of this.#ledger) {
        const { projected } = await this.shown(counter);
        if (projected !== total) return { counter, projected, total };
      }
      return true;
    });
    // The counters may have been there before what they belong to: their days, the checkpoint.
    await eventually("it runs", async () => {
      const { state } = await this.projection();
      return state === "running" || state;
    });
    const audited = await walWith({ WAL_DIR: this.#directory, MONGODB_URL: this.#url }, "audit");
    assert.is(audited.status, 0, audited.stdout + audited.stderr);
  }

  /** Returns the counts that a majority has, by counter. */
  held(): Map<string, number> {
    const documents = this.mongo.data.documents(NAMESPACE, "majority");
    return new Map(documents.map(({ _id, count }: Document) => [String(_id), Number(count)]));
  }

  async close(): Promise<void> {
    const ended = await this.#server.stop();
    await this.mongo.close();
    assert.is(ended.status, 0, ended.stderr);
    assert.is(/"level":60|uncaught/i.exec(ended.stderr), null, ended.stderr);
  }

  async #get(where: string, method = "GET", body = ""): Promise<{ status: number; body: Record<string, unknown> }> {
    const signal = AbortSignal.timeout(AT_ONCE_MS);
    const response = await fetch(this.#server.url + where, { method, signal, ...(body === "" ? {} : { body }) });
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : {} };
  }
}

/** Tests on one such world, which is sound and exact before each of them and has to be after it. */
export function faultTests(): (name: string, run: (world: FaultyWorld, mongo: FakeServer) => Promise<void>) => void {
  let opening: Promise<FaultyWorld> | undefined;
  test.after(async () => await (await opening)?.close());
  return (name, run) => {
    test(name, async () => {
      opening ??= FakeServer.open(new FakeData()).then((mongo) => FaultyWorld.open(mongo));
      const world = await opening;
      const sound = world.mongo.behaviour;
      await world.hit("home");
      await world.exactSoon();
      try {
        await run(world, world.mongo);
      } finally {
        world.mongo.behaviour = sound;
      }
      await world.exactSoon();
    });
  };
}
