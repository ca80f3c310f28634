/** MongoDB as it fails before a command is even sent: another primary, no way to it, no password, no speed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Document } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../projection/mongo/documents.js";
import { FakeServer } from "../support/mongodb/fake-server.js";
import { FaultyWorld } from "./mongodb-world.js";

const worlds: FaultyWorld[] = [];
const children: ChildProcess[] = [];
const sockets: Socket[] = [];
test.after.each(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const world of worlds.splice(0)) await world.close();
});

async function open(...parameters: Parameters<typeof FaultyWorld.open>): Promise<FaultyWorld> {
  const world = await FaultyWorld.open(...parameters);
  worlds.push(world);
  return world;
}

test("the set's primary changes, twice, the second time in the middle of an update", async () => {
  const one = await FakeServer.open();
  const two = await FakeServer.open(one.data);
  const hosts = [one.address, two.address];
  const elect = (primary: FakeServer) => {
    for (const member of [one, two]) {
      const isWritablePrimary = member === primary;
      const set = { setName: "set", setVersion: 1, hosts, me: member.address, primary: primary.address };
      member.hello = { ...set, isWritablePrimary, secondary: !isWritablePrimary };
    }
  };
  elect(one);
  const world = await open(one, `mongodb://${hosts.join(",")}/?replicaSet=set`);
  try {
    await world.hit("home");
    await world.exactSoon();
    elect(two);
    await world.hit("home", 2);
    await world.hit("elected");
    await world.everythingAnswers();
    await world.exactSoon();
    assert.ok(two.seen("update") > 0, "the new primary was asked");
    const before = one.seen("update");
    two.behaviour = (request, normal) => {
      const reply = normal();
      if (request.command !== "update") return reply;
      // Applied, and gone before it could answer.
      elect(one);
      two.cut();
      return undefined;
    };
    await world.hit("home", 3);
    await world.exactSoon();
    await world.hit("home");
    await world.exactSoon();
    assert.ok(one.seen("update") > before);
  } finally {
    await two.close();
  }
});

test("refused credentials: reported, without the password, and hits are taken", async () => {
  const mongo = await FakeServer.open();
  mongo.behaviour = ({ command }, normal) =>
    command.startsWith("sasl")
      ? { ok: 0, code: 18, codeName: "AuthenticationFailed", errmsg: "Authentication failed." }
      : normal();
  const world = await open(mongo, `mongodb://someone:secret@${mongo.address}/?directConnection=true`);
  await world.hit("home", 2);
  await world.everythingAnswers();
  await world.reportsSoon(/^Authentication failed/);
  assert.not.match(JSON.stringify(await world.projection()), /secret/);
});

/** Listens with the shortest queue there is, and never takes a connection from it: once full, the kernel drops what comes. */
const DEAF = `
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    require("node:fs").writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

test("no way to it: not even a connection is answered", async () => {
  const child = spawn(process.execPath, ["-e", DEAF], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(said.toString());
  for (let at = 0; at < 8; at++) sockets.push(connect(port, "127.0.0.1").on("error", () => undefined));
  await sleep(300);
  if (!sockets.some(({ connecting }) => connecting)) {
    console.log("SKIP mongodb: this system takes connections however full the queue is");
    return;
  }
  const mongo = await FakeServer.open();
  const world = await open(mongo, `mongodb://127.0.0.1:${port}/?directConnection=true`);
  await world.hit("home", 2);
  await world.everythingAnswers();
  await world.reportsSoon(/timed out/);
  await world.everythingAnswers();
});

test("a server so slow that a whole command takes longer than anybody waits: smaller ones get through", async () => {
  const mongo = await FakeServer.open();
  const world = await open(mongo, mongo.url, { PROJECTION_MAX_OPS: "1000" });
  await world.hit("home");
  await world.exactSoon();
  // One document after the other, 20 ms each: two hundred before the driver gives up.
  mongo.behaviour = async (request, normal) => {
    const reply = normal();
    const many = request.command === "update" ? request.body["updates"] : reply["cursor"]?.firstBatch;
    const unknown = (request.body["filter"] as Document | undefined)?.["_id"]?.["$in"];
    await sleep(20 * Math.max(...[many, unknown].map((list) => (Array.isArray(list) ? list.length : 0))));
    return reply;
  };
  await world.hitAll(Array.from({ length: 300 }, (_, at) => `slow ${at}`));
  await world.everythingAnswers();
  await eventually("all is there", () => world.held().size === 301, 60);
  mongo.behaviour = (_, normal) => normal();
  await world.exactSoon();
});

test.run();
