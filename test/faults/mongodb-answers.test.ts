/**
 * MongoDB as it fails, on the real server: answers that are errors or false, and those that never come. In each of
 * these no request waits, `/status` reports what is wrong, and MongoDB ends with exactly what was acknowledged.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Document } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../projection/mongo/documents.js";
import { type Behaviour, encode, notPrimary, type Request } from "../support/mongodb/fake-server.js";
import { faultTests } from "./mongodb-world.js";

const faultTest = faultTests();
const updates = (request: Request) => request.command === "update";
const handshakes = ({ command }: Request) => command === "hello" || command === "ismaster";

/** Does it, and answers something else. */
const instead =
  (reply: (normal: Document) => Document | Buffer | undefined, concerns = updates): Behaviour =>
  (request, normal) => {
    const sound = normal();
    return concerns(request) ? reply(sound) : sound;
  };

faultTest("half-open: the peers of all connections are gone, and no packet shows it", async (world, mongo) => {
  mongo.vanish();
  await world.hit("home", 2);
  await world.hit("half-open");
  await world.everythingAnswers();
  await world.reportsSoon(/timed out|timeout|no answer/);
});

faultTest("a black hole: it accepts connections and never answers", async (world, mongo) => {
  mongo.behaviour = () => undefined;
  await world.hit("home", 2);
  await world.hit("black hole");
  await world.everythingAnswers();
  await world.reportsSoon(/timed out|timeout|no answer/);
  await world.hit("home");
});

for (const labels of [[], ["RetryableWriteError"]]) {
  faultTest(`not the primary, ${labels.length === 0 ? "without" : "with"} labels`, async (world, mongo) => {
    mongo.behaviour = (request, normal) => (handshakes(request) ? normal() : notPrimary(labels));
    await world.hit("home", 2);
    await world.hit("not primary");
    await world.everythingAnswers();
    await world.reportsSoon(/^not primary$/);
  });
}

faultTest("it steps down after it applied an update", async (world, mongo) => {
  const stepsDown = { ok: 0, code: 11602, codeName: "InterruptedDueToReplStateChange", errmsg: "stepped down" };
  let times = 0;
  mongo.behaviour = instead((normal) => (times++ < 3 ? stepsDown : normal));
  await world.hit("home", 2);
  await world.hit("stepped down");
  await world.reportsSoon(/^stepped down$/);
});

for (const [code, errmsg] of [
  [64, "waiting for replication timed out"],
  [100, "Not enough data-bearing nodes"],
] as const) {
  const unmet = instead((normal) => ({ ...normal, writeConcernError: { code, errmsg } }));

  faultTest(
    `a write concern that is not met (${code}): not confirmed until a majority has it`,
    async (world, mongo) => {
      mongo.data.stalled = true;
      mongo.behaviour = unmet;
      const before = (await world.shown("home")).count;
      await world.hit("home", 2);
      await world.everythingAnswers();
      await world.reportsSoon(new RegExp(errmsg));
      assert.equal(
        mongo.writeConcerns.filter((one) => JSON.stringify(one) !== '{"w":"majority","j":true}'),
        [],
      );
      const applied = () => Number(mongo.data.documents("hits.counters").find(({ _id }) => _id === "home")?.["count"]);
      await eventually("the primary has it", () => applied() === before + 2);
      const sent = mongo.seen("update");
      await eventually("it is sent again", () => mongo.seen("update") > sent + 1);
      assert.equal(await world.shown("home"), { ...(await world.shown("home")), projected: before, pending: 2 });
      mongo.data.catchUp();
    },
  );

  faultTest(`a failover takes back what a local read had seen (${code})`, async (world, mongo) => {
    mongo.data.stalled = true;
    mongo.behaviour = unmet;
    const before = (await world.shown("home")).count;
    await world.hit("home", 3);
    await world.reportsSoon(new RegExp(errmsg));
    const local = () => mongo.data.documents("hits.counters").find(({ _id }) => _id === "home")?.["count"];
    await eventually("a local read sees it", () => Number(local()) === before + 3);
    // As a server whose write concern can't be met and that then stops answering.
    mongo.behaviour = (request, normal) => (updates(request) ? undefined : normal());
    await sleep(1000);
    assert.is((await world.shown("home")).projected, before);
    mongo.data.rollBack();
    mongo.cut();
    assert.is(Number(local()), before);
  });
}

faultTest("a reply that nothing matched, though it was applied", async (world, mongo) => {
  let lies = 0;
  mongo.behaviour = instead((normal) => (lies++ < 4 ? { n: 0, nModified: 0, ok: 1 } : normal));
  await world.hit("home", 2);
  await world.hit("no match");
  await world.exactSoon();
  assert.ok(lies >= 2, `${lies} updates`);
});

faultTest("replies that come twice", async (world, mongo) => {
  mongo.behaviour = async (request, normal) => {
    const reply = normal();
    if (updates(request)) {
      // The second one comes before anything else is asked: the driver takes it for the next answer.
      setTimeout(() => request.socket.write(encode(reply, -1)), 1);
    }
    return reply;
  };
  for (let at = 0; at < 5; at++) {
    await world.hit("home");
    await world.hit(`twice ${at}`);
    await sleep(250);
  }
  await world.everythingAnswers();
});

faultTest("slow cursors: a document at a time, half a second each", async (world, mongo) => {
  const cursors = new Map<bigint, { ns: string; left: Document[] }>();
  mongo.behaviour = async (request, normal) => {
    const page = (id: bigint, name: string) => {
      const cursor = cursors.get(id);
      const batch = cursor?.left.splice(0, 1) ?? [];
      const more = (cursor?.left.length ?? 0) > 0;
      return { cursor: { id: more ? id : 0n, ns: cursor?.ns ?? "", [name]: batch }, ok: 1 };
    };
    if (request.command === "getmore") {
      await sleep(500);
      return page(request.body["getMore"] as bigint, "nextBatch");
    }
    const sound = normal();
    if (request.command !== "find") return sound;
    const id = BigInt(cursors.size + 1);
    cursors.set(id, { ns: sound["cursor"].ns, left: sound["cursor"].firstBatch });
    return page(id, "firstBatch");
  };
  // All at once, and unknown: they are read in one cursor.
  mongo.cut();
  for (const name of ["a", "b", "c", "d"]) await world.hit(name);
  await world.everythingAnswers();
  await world.exactSoon(30);
});

faultTest("no privilege to write", async (world, mongo) => {
  const denied = { ok: 0, code: 13, codeName: "Unauthorized", errmsg: "not authorized on hits to execute command" };
  mongo.behaviour = (request, normal) => (updates(request) ? denied : normal());
  await world.hit("home", 2);
  await world.everythingAnswers();
  await world.reportsSoon(/^not authorized on hits/);
});

faultTest("another log makes the document between the look and the update: E11000", async (world, mongo) => {
  let raced = 0;
  mongo.behaviour = (request, normal) => {
    const sent = updates(request) ? (request.body["updates"] as Document[]) : [];
    if (!sent.some(({ q }) => q["_id"] === "race") || raced++ > 0) return normal();
    const made = { $inc: { count: 0n, "logs.other.count": 0n }, $set: { "logs.other.offset": 5n } };
    mongo.data.update("hits.counters", [{ q: { _id: "race" }, u: made, upsert: true }]);
    const errmsg = "E11000 duplicate key error";
    return { n: 0, nModified: 0, writeErrors: sent.map((_, index) => ({ index, code: 11000, errmsg })), ok: 1 };
  };
  await world.hit("race", 4);
  await world.exactSoon();
  assert.is(raced, 2, "sent once more, and no more");
  assert.is((await world.projection()).lastError, null, "a miss is no error");
});

faultTest(
  "a document over 16 MiB is blocked and named, the others continue, and it is exact once repaired",
  async (world, mongo) => {
    for (const code of [10334, 17419]) {
      mongo.data.refusals.set(`huge ${code}`, { code, errmsg: "Resulting document is larger than 16777216" });
      await world.hit(`huge ${code}`, 7);
    }
    await world.hit("home", 2);
    const home = (await world.shown("home")).count;
    await eventually("the others continue", () => world.held().get("home") === home);
    await eventually("they are named", async () => {
      const { blockedCounters } = await world.projection();
      const named = blockedCounters.filter(
        ({ counter, reason }) => /^huge/.test(counter) && /larger than/.test(reason),
      );
      return named.length === 2 || blockedCounters;
    });
    mongo.data.refusals.clear();
  },
);

test.run();
