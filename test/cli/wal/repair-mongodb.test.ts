import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { EPOCH_GAP, HEADER_BYTES } from "../../../src/wal/format.js";
import { documentsOf, eventually, type StoredDocument, withDatabase } from "../../projection/mongo/documents.js";
import { openLocal, type RealRun, run } from "../../projection/mongo/real-run.js";
import { LocalLog } from "../../support/local-log.js";
import { mongoTests } from "../../support/mongodb/mongo-test.js";
import type { MongoServer } from "../../support/mongodb/server.js";
import { runAudit } from "./audit-harness.js";
import { flipByte, segments, wal } from "./harness.js";
import { counts, type RepairDocument } from "./repair-harness.js";

const { mongoTest } = await mongoTests();

/** A log directory with a database of its own. */
class Projected {
  readonly directory: string;
  readonly environment: Record<string, string>;
  readonly #database: string;
  readonly #server: MongoServer;

  private constructor(server: MongoServer, directory: string) {
    this.#server = server;
    this.#database = server.randomDatabase();
    this.directory = directory;
    this.environment = { WAL_DIR: directory, MONGODB_URL: server.url, MONGODB_DB: this.#database };
  }

  /** A run for each row of hits by counter, a batch a row, all projected, without a snapshot. */
  static async make(server: MongoServer, runs: readonly (readonly Record<string, number>[])[]): Promise<Projected> {
    const { directory, log } = await openLocal();
    const projected = new Projected(server, directory);
    await log.close();
    for (const rows of runs) {
      const log = await LocalLog.open(directory);
      const running = await run({ directory, log }, server.url, projected.#database);
      for (const row of rows) {
        for (const [counter, n] of Object.entries(row)) await log.record({ counter, n });
        // So that every slot has an offset of its own within the log.
        await projected.#drained(log, running);
      }
      await running.projection.stop(1000);
      await log.close();
    }
    return projected;
  }

  /** Starts as a server does, with these hits more, until all is in MongoDB. */
  async serve(hits: Record<string, number>): Promise<void> {
    const log = await LocalLog.open(this.directory);
    const running = await run({ directory: this.directory, log }, this.#server.url, this.#database);
    for (const [counter, n] of Object.entries(hits)) await log.record({ counter, n });
    await this.#drained(log, running);
    await running.projection.stop(1000);
    await log.local.snapshot();
    await log.close();
  }

  /** Starts as a server does, and waits until its projection has this state. */
  async state(state: string): Promise<string> {
    const log = await LocalLog.open(this.directory);
    const running = await run({ directory: this.directory, log }, this.#server.url, this.#database);
    await log.record({ counter: "later", n: 1 });
    await eventually(`the projection is ${state}`, () => running.status?.state === state || running.status);
    const error = running.status?.lastError ?? "";
    await running.projection.stop(100);
    await log.close();
    return error;
  }

  async inMongo(): Promise<Record<string, number>> {
    const documents = await documentsOf(this.#server.url, this.#database);
    return Object.fromEntries(documents.map(({ _id, count }) => [_id, count]).sort());
  }

  async repair(...args: string[]): Promise<{ status: number | null; document: RepairDocument }> {
    const { status, stdout, stderr } = await walIn(this.environment, ["repair", "--json", ...args]);
    assert.is(stderr, "");
    return { status, document: JSON.parse(stdout) as RepairDocument };
  }

  async audit(): Promise<number | null> {
    const { status, stdout } = await runAudit(this.environment);
    if (status !== 0) console.log(stdout);
    return status;
  }

  async #drained(log: LocalLog, running: RealRun): Promise<void> {
    await eventually("all is in MongoDB", () => {
      const { status } = running;
      return (status?.checkpoint === log.log.end && status.lag === 0) || status;
    });
  }
}

async function walIn(environment: Record<string, string>, args: readonly string[]) {
  const { runWalCommand } = await import("../../../src/cli/wal/wal-command.js");
  const { Writable } = await import("node:stream");
  const texts = { stdout: "", stderr: "" };
  const into = (name: "stdout" | "stderr") =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += String(chunk);
        done();
      },
    });
  const status = await runWalCommand(args, environment, { stdout: into("stdout"), stderr: into("stderr") });
  return { status, ...texts };
}

const kinds = ({ steps }: RepairDocument) => steps.map(({ kind }) => kind);

mongoTest("MongoDB has the lost hits: they are restored, and everything is exact", async (server) => {
  const projected = await Projected.make(server, [[{ home: 7, page: 2 }, { home: 3 }], [{ page: 5 }]]);
  const { directory } = projected;
  flipByte(segments(directory)[0], HEADER_BYTES + 40);
  assert.equal(await counts(directory), { incomplete: true, counters: { page: 7, home: 3 } });
  const dry = await projected.repair();
  assert.equal([dry.status, dry.document.mongodb, kinds(dry.document)], [0, "asked", ["missing", "mend"]]);
  const done = await projected.repair("--yes");
  assert.equal([done.status, done.document.mongodb, kinds(done.document)], [0, "asked", ["missing", "mend"]]);
  assert.match(done.document.steps[1]?.detail ?? "", /^7 hits of 1 counter restored from MongoDB/);
  assert.equal(await counts(directory), { incomplete: false, counters: { home: 10, page: 7 } });
  assert.is(await projected.audit(), 0, "at each slot's own offset");
  await projected.serve({ home: 1, other: 4 });
  assert.equal(await projected.inMongo(), { home: 11, other: 4, page: 7 });
  assert.is(await projected.audit(), 0);
  const again = await projected.repair("--yes");
  assert.equal([again.status, kinds(again.document)], [0, []]);
});

mongoTest(
  "without asking, all else continues and MongoDB's projection waits; asked later, it is exact",
  async (server) => {
    const projected = await Projected.make(server, [[{ home: 7 }, { home: 3 }, { page: 5 }]]);
    const { directory } = projected;
    flipByte(segments(directory)[0], HEADER_BYTES + 40);
    assert.match(await projected.state("halted"), /^stopped before damage/);
    const { status, stdout } = await wal(directory, "repair", "--yes");
    assert.is(status, 1, "MongoDB is still to be asked");
    assert.match(stdout, /MongoDB could not be asked .*MONGODB_URL is not set.*--without-mongodb/);
    assert.equal(await counts(directory), { incomplete: false, counters: { page: 5, home: 3, later: 1 } });
    assert.match(await projected.state("halted"), /MongoDB has not been asked/);
    assert.equal(await projected.inMongo(), { home: 10, page: 5 }, "what only MongoDB has is not overtaken");
    assert.is((await runAudit(projected.environment)).status, 2);
    const unreachable = { ...projected.environment, MONGODB_URL: "mongodb://127.0.0.1:1/?directConnection=true" };
    assert.is((await walIn(unreachable, ["repair", "--yes"])).status, 1);
    // A snapshot by now lacks what MongoDB has.
    const log = await LocalLog.open(directory);
    await log.hit("later");
    await log.local.snapshot();
    await log.close();
    assert.match(await projected.state("halted"), /MongoDB has not been asked/, "nor by way of a snapshot");
    assert.equal(await projected.inMongo(), { home: 10, page: 5 });
    const done = await projected.repair("--yes");
    assert.equal([done.status, kinds(done.document)], [0, ["mend", "snapshot", "mongodb"]]);
    assert.equal(await counts(directory), { incomplete: false, counters: { home: 10, page: 5, later: 4 } });
    await projected.serve({ home: 1 });
    assert.equal(await projected.inMongo(), { home: 11, later: 4, page: 5 });
    assert.is(await projected.audit(), 0);
  },
);

mongoTest(
  "--without-mongodb: it continues, and a counter of which MongoDB has more is blocked, not lowered",
  async (server) => {
    const projected = await Projected.make(server, [[{ home: 7 }, { home: 3 }, { page: 5 }]]);
    flipByte(segments(projected.directory)[0], HEADER_BYTES + 40);
    const done = await projected.repair("--yes", "--without-mongodb");
    assert.equal([done.status, done.document.mongodb], [0, "waived"]);
    assert.is(await projected.state("running"), "");
    await eventually("the others go on", async () => (await projected.inMongo())["later"] === 1 || projected.inMongo());
    assert.is((await projected.inMongo())["home"], 10);
    const later = await projected.repair("--yes");
    assert.equal([later.status, kinds(later.document)], [0, ["mend"]], "and it can still be asked later");
    await projected.serve({ home: 1 });
    assert.equal(await projected.inMongo(), { home: 11, later: 1, page: 5 });
    assert.is(await projected.audit(), 0);
  },
);

// The directory learns of a checkpoint once a second only: of the first run's end, or of one within the second run.
for (const registered of [() => EPOCH_GAP + 1, (offset: number) => offset - 1]) {
  mongoTest(
    "the newest segment is gone, and MongoDB has more than the directory: it does not count as foreign",
    async (server) => {
      const projected = await Projected.make(server, [[{ home: 7 }], [{ home: 3 }, { page: 5 }]]);
      const registration = path.join(projected.directory, "projections", "mongodb.json");
      const known = JSON.parse(readFileSync(registration, "utf8"));
      writeFileSync(registration, JSON.stringify({ ...known, offset: registered(known.offset) }));
      rmSync(segments(projected.directory).at(-1) ?? "");
      const done = await projected.repair("--yes");
      assert.equal([done.status, kinds(done.document)], [0, ["missing", "mend"]], JSON.stringify(done.document));
      await projected.serve({ home: 1 });
      assert.equal(await projected.inMongo(), { home: 11, page: 5 });
      assert.is(await projected.audit(), 0);
      assert.equal((await counts(projected.directory)).counters, { home: 11, page: 5 });
    },
  );
}

mongoTest("no snapshot and the oldest segments gone: MongoDB alone has what was before", async (server) => {
  const projected = await Projected.make(server, [[{ home: 7, page: 1 }], [{ home: 3 }], [{ page: 5 }]]);
  const { directory } = projected;
  for (const file of segments(directory).slice(0, 2)) rmSync(file);
  const done = await projected.repair("--yes");
  assert.equal([done.status, kinds(done.document)], [0, ["missing", "mend"]], JSON.stringify(done.document));
  await projected.serve({ home: 1 });
  assert.equal(await projected.inMongo(), { home: 11, page: 6 });
  assert.equal((await counts(directory)).counters, { home: 11, page: 6 });
  assert.is(await projected.audit(), 0);
});

mongoTest("a database that follows another copy of the log is no witness", async (server) => {
  const projected = await Projected.make(server, [[{ home: 7 }], [{ home: 3 }]]);
  const { directory } = projected;
  const registration = path.join(directory, "projections", "mongodb.json");
  rmSync(segments(directory).at(-1) ?? "");
  const { epochs, ...rest } = JSON.parse(readFileSync(registration, "utf8"));
  const first = epochs.slice(0, 1);
  writeFileSync(registration, JSON.stringify({ ...rest, ...first[0], offset: 1, epochs: first }));
  flipByte(segments(directory)[0], HEADER_BYTES + 40);
  const done = await projected.repair("--yes");
  assert.is(done.status, 1);
  assert.match(done.document.mongodb, /follows another copy of it/);
});

mongoTest(
  "rebuild mongodb: what was changed there is put right, and what has more than the log is left alone",
  async (server) => {
    const projected = await Projected.make(server, [
      [
        { home: 7, page: 2 },
        { home: 3, other: 5, more: 1 },
      ],
    ]);
    const rebuild = (...args: string[]) => walIn(projected.environment, ["rebuild", "mongodb", ...args]);
    assert.is((await rebuild()).status, 0);
    await withDatabase(server.url, projected.environment["MONGODB_DB"] ?? "", async (db) => {
      const counters = db.collection<{ _id: string }>("counters");
      await counters.deleteOne({ _id: "page" });
      await counters.updateOne({ _id: "home" }, { $inc: { count: 5 } });
    });
    const before = await projected.inMongo();
    assert.is((await rebuild()).status, 1);
    assert.equal(await projected.inMongo(), before);
    const done = await rebuild("--yes");
    assert.is(done.status, 0, done.stdout + done.stderr);
    assert.equal(await projected.inMongo(), { home: 10, more: 1, other: 5, page: 2 });
    await withDatabase(server.url, projected.environment["MONGODB_DB"] ?? "", async (db) => {
      const [document] = await db.collection<StoredDocument>("counters").find({ _id: "more" }).toArray();
      const slot = `logs.${Object.keys(document?.logs ?? {})[0]}.count`;
      await db.collection<{ _id: string }>("counters").updateOne({ _id: "more" }, { $inc: { count: 3, [slot]: 3 } });
    });
    const left = await rebuild("--yes");
    assert.is(left.status, 1);
    assert.match(left.stderr, /1 counter blocked/);
    assert.is((await projected.inMongo())["more"], 4);
  },
);

mongoTest("a projecting process in front of damage notices that the log was repaired", async (server) => {
  const { runProjector } = await import("../../../src/projection/mongo/run-projector.js");
  const projected = await Projected.make(server, [[{ home: 7 }, { home: 3 }]]);
  const { directory, environment } = projected;
  flipByte(segments(directory)[0], HEADER_BYTES + 40);
  const log = await LocalLog.open(directory);
  await log.close();
  let state = "";
  const projection = await runProjector({
    directory,
    logId: log.log.id,
    url: server.url,
    database: environment["MONGODB_DB"],
    maxOps: 1000,
    durableEnd: undefined,
    remote: new Map(),
    onReport: ({ status }) => {
      state = status.state;
    },
    onReady: () => undefined,
  });
  const ended = projection.ended.then(
    () => "stopped",
    (error: unknown) => (error instanceof HitsError ? error.code : String(error)),
  );
  await eventually("it has stopped in front of the damage", () => state === "halted" || state);
  assert.is((await projected.repair("--yes")).status, 0);
  assert.is(await ended, "LOG_REPAIRED");
});

test.run();
