/** A log that is damaged between two runs of real processes: collecting, projecting, repairing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { documentsOf, eventually } from "../projection/mongo/documents.js";
import { LedgerClient } from "../support/ledger-client.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { BINARY, temporaryDirectory } from "../support/server-process.js";
import { collect, endRoles, spawnProjecting } from "../support/split-roles.js";

const { mongoTest } = await mongoTests();

test.after.each(endRoles);

function project(environment: Record<string, string>): ChildProcess {
  const { child } = spawnProjecting(environment);
  child.stdout?.resume();
  return child;
}

/** Runs `durable-hits wal …` of the build. */
async function wal(environment: Record<string, string>, ...args: string[]) {
  const env = { PATH: process.env["PATH"], ...environment };
  const child = spawn(process.execPath, [BINARY, "wal", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, output };
}

mongoTest("damaged, repaired while the projecting process has stopped before it, and exact", async (mongo) => {
  const directory = `${temporaryDirectory()}/wal`;
  const database = mongo.randomDatabase();
  const collecting = { WAL_DIR: directory, LOG_LEVEL: "info" };
  const environment = { ...collecting, MONGODB_URL: mongo.url, MONGODB_DB: database };
  const ledger = new LedgerClient();
  let collector = await collect(collecting);
  let projector = project(environment);
  projector.stderr?.resume();
  await ledger.bulk(collector.url, Array(300).fill("home"));
  await ledger.bulk(collector.url, [...Array(200).fill("page"), "home"]);
  const counted = async () => {
    const documents = await documentsOf(mongo.url, database);
    return Object.fromEntries(documents.map(({ _id, count }) => [_id, count]).sort());
  };
  await eventually("all is in MongoDB", async () => (await counted())["page"] === 200 || counted());
  projector.kill("SIGKILL");
  assert.is((await wal(environment, "repair", "--yes")).status, 1, "not while a server has the log");
  await collector.kill();

  const first = path.join(directory, "00000000000000000000.log");
  const bytes = readFileSync(first);
  bytes.writeUInt8(bytes.readUInt8(4096 + 40) ^ 1, 4096 + 40);
  writeFileSync(first, bytes);

  collector = await collect(collecting);
  const shown = async () => (await (await fetch(`${collector.url}/counters/home`)).json()) as Record<string, unknown>;
  // Where a snapshot has it, nothing is missing here.
  assert.ok([1, 301].includes(Number((await shown())["count"])));
  let log = "";
  projector = project(environment);
  projector.stderr?.on("data", (text: Buffer) => {
    log += text.toString();
  });
  await eventually("the projection has stopped before the damage", () => /stopped before damage/.test(log) || log);
  await ledger.bulk(collector.url, Array(10).fill("later"));
  assert.is((await collector.stop()).status, 0);
  assert.equal(await counted(), { home: 301, page: 200 });

  const dry = await wal(environment, "repair");
  assert.is(dry.status, 0, dry.output);
  const done = await wal(environment, "repair", "--yes");
  assert.is(done.status, 0, done.output);
  collector = await collect(collecting);
  const { incomplete, count } = await shown();
  assert.equal([incomplete, count], [undefined, 301]);
  const status = (await (await fetch(`${collector.url}/status`)).json()) as {
    log: { damage: []; missing: { to: number }[] };
  };
  assert.equal([status.log.damage, status.log.missing.map(({ to }) => to)], [[], [300]]);
  await ledger.bulk(collector.url, Array(5).fill("later"));
  await eventually("the projection continues", async () => (await counted())["later"] === 15 || counted());
  assert.match(log, /the log has been repaired/);
  assert.equal(await counted(), { home: 301, later: 15, page: 200 });
  const audit = await wal(environment, "audit");
  assert.is(audit.status, 0, audit.output);
  assert.equal(ledger.unexpected, []);
});

test.run();
