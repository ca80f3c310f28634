/** kill -9 at random moments under load, again and again, MongoDB killed and frozen at random too: exact at the end. */
import { spawnSync } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { audit, eventually, exactSoon } from "../projection/mongo/documents.js";
import { allCounts, LedgerClient, post } from "../support/ledger-client.js";
import { seeded } from "../support/memory-file.js";
import { freePort } from "../support/mongodb/free-port.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import type { MongoServer } from "../support/mongodb/server.js";
import { BINARY, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const SEED = Number(process.env["SEED"] ?? randomInt(2 ** 31));
const CLIENTS = 10;
const COUNTERS = 13;
const LONGEST_MS = 250;
/** Between two kills, on average. */
const LEAST_HITS = 10;

/** Clients that keep sending while the server comes and goes on one port. Half of their hits have an id, and are sent until they count. */
class Clients {
  readonly ledger = new LedgerClient();
  /** By counter: hits with an id, each of which must count exactly once. */
  readonly keyed = new Map<string, number>();
  retried = 0;
  /** Requests that were acknowledged. */
  acknowledged = 0;
  #stopping = false;
  #givenUp = false;
  readonly #running: Promise<void>[];

  constructor(url: string) {
    this.#running = Array.from({ length: CLIENTS }, (_, client) => this.#run(url, client));
  }

  /** Gives up on hits with ids as well, for a test that has failed. */
  giveUp(): void {
    this.#stopping = this.#givenUp = true;
  }

  /** Begins nothing new; resolves when every hit with an id counts. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  async #run(url: string, client: number): Promise<void> {
    for (let sent = client; !this.#stopping; sent++) {
      const name = `page ${sent % COUNTERS}`;
      if (sent % 2 === 0) {
        await this.#view(url, `${name} with an id`);
        continue;
      }
      const hit = sent % 11 === 0 ? this.ledger.bulk(url, Array(20).fill(name)) : this.ledger.hit(url, name);
      if ((await hit).outcome === "counted") this.acknowledged++;
      else await sleep(10);
    }
  }

  async #view(url: string, counter: string): Promise<void> {
    this.keyed.set(counter, (this.keyed.get(counter) ?? 0) + 1);
    const target = `${url}/hits/${encodeURIComponent(counter)}?id=${randomUUID()}`;
    for (let first = true; !this.#givenUp; first = false) {
      const { outcome, text } = await post(target);
      assert.is.not(outcome, "wrong", text);
      if (outcome === "counted") {
        this.acknowledged++;
        return;
      }
      if (first) this.retried++;
      await sleep(10);
    }
  }
}

/** Kills, freezes and brings back MongoDB, a step now and then. */
class Outages {
  readonly #mongo: MongoServer;
  readonly #random: () => number;
  #state: "up" | "down" | "frozen" = "up";
  steps = 0;

  constructor(mongo: MongoServer, random: () => number) {
    this.#mongo = mongo;
    this.#random = random;
  }

  async step(): Promise<void> {
    if (this.#random() < 0.65) return;
    this.steps++;
    if (this.#state !== "up") await this.end();
    else if (this.#random() < 0.5) {
      await this.#mongo.kill();
      this.#state = "down";
    } else {
      await this.#mongo.freeze();
      this.#state = "frozen";
    }
  }

  async end(): Promise<void> {
    if (this.#state === "frozen") this.#mongo.thaw();
    if (this.#state === "down") await this.#mongo.start();
    this.#state = "up";
  }
}

/** Declares the test with so many kills; resolves once the servers that it needs are found. */
export async function killLoopTest(times: number): Promise<void> {
  const { controlTest } = await mongoTests();
  const start = trackedServers();
  let clients: Clients | undefined;
  test.after.each(() => clients?.giveUp());

  controlTest(
    `${times} × kill -9 under load, MongoDB killed and frozen: every hit exactly once (SEED=${SEED})`,
    async (mongo) => {
      await mongo.start();
      const random = seeded(SEED);
      const directory = `${temporaryDirectory()}/wal`;
      const database = mongo.randomDatabase();
      const environment = {
        WAL_DIR: directory,
        WAL_SEGMENT_BYTES: "64KiB",
        PORT: String(await freePort()),
        MONGODB_URL: mongo.url,
        MONGODB_DB: database,
        LOG_LEVEL: "error",
      };
      const outages = new Outages(mongo, random);
      let server = await start(environment);
      const load = new Clients(server.url);
      clients = load;
      for (let kills = 0; kills < times; kills++) {
        const before = load.acknowledged;
        await sleep(Math.floor(random() * LONGEST_MS));
        // Some kills come before anything is acknowledged, but not all, however slow the machine is.
        if (kills % 2 === 1)
          await eventually("hits are acknowledged", () => load.acknowledged >= before + 2 * LEAST_HITS, 60);
        await Promise.all([server.kill(), outages.step()]);
        server = await start(environment);
      }
      await load.stop();
      await outages.end();

      const { ledger, keyed, retried } = load;
      const counted = await allCounts(server.url);
      const withId = new Map([...counted].filter(([name]) => name.endsWith("with an id")));
      const without = new Map([...counted].filter(([name]) => !withId.has(name)));
      assert.equal(sorted(withId), sorted(keyed), "hits with an id: exact");
      assert.equal(ledger.wrong(without), []);
      assert.equal(ledger.unexpected, []);
      assert.is(new Set(ledger.offsets).size, ledger.offsets.length, "no offset was given twice");
      const total = [...counted.values()].reduce((sum, count) => sum + count, 0);
      assert.ok(
        total > LEAST_HITS * times && retried > times / 2,
        `${total} hits, ${retried} retries: this proved little`,
      );

      await exactSoon(mongo.url, database, [directory], 40);
      const cli = spawnSync(process.execPath, [BINARY, "wal", "audit"], { env: { ...process.env, ...environment } });
      assert.is(cli.status, 0, `${cli.stdout}${cli.stderr}`);
      assert.is((await server.stop()).status, 0);
      server = await start(environment);
      assert.equal(sorted(await allCounts(server.url)), sorted(counted), "a further start changes nothing");
      assert.is((await server.stop()).status, 0);
      assert.equal(await audit(mongo.url, database, [directory]), []);
      console.log(`NOTE ${times} kills (SEED=${SEED}), ${outages.steps} of MongoDB: ${total} hits, ${retried} retried`);
    },
  );
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
