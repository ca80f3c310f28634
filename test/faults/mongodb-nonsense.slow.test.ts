import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../projection/mongo/documents.js";
import { encode, FakeServer } from "../support/mongodb/fake-server.js";
import { nonsenseTests } from "./mongodb-nonsense.js";
import { FaultyWorld } from "./mongodb-world.js";

nonsenseTests({
  // The driver loops for ever: its thread is ended and restarted.
  "a document of negative length": () => {
    const bytes = encode({ n: 1, ok: 1 }, 1);
    bytes.writeInt32LE(-5, 21);
    return bytes;
  },
});

test("a message that makes the driver gather documents without end costs a thread, not the process", async () => {
  const mongo = await FakeServer.open();
  // The thread's memory goes by this, so that it is full soon.
  const world = await FaultyWorld.open(mongo, mongo.url, { MAX_COUNTERS: "100" });
  try {
    await world.hit("home");
    await world.exactSoon();
    let nonsense = 0;
    mongo.behaviour = (request, normal) => {
      const reply = normal();
      if (request.command !== "update" || nonsense++ > 0) return reply;
      // Of a kind that old servers sent, which begins with how many documents it holds.
      const bytes = encode({ ...reply, filler: "x".repeat(20) }, -1, true);
      bytes.fill(0, 36);
      bytes.writeInt32LE(2 ** 31 - 1, 32);
      return bytes;
    };
    await world.hit("home", 2);
    // On a busy machine its silence may be noticed before its memory is full.
    const told = async () => {
      await world.hit("meanwhile");
      await world.everythingAnswers();
      return /memory limit|reported nothing/.test((await world.projection()).lastError ?? "");
    };
    await eventually("the thread has ended", told, 60);
    await world.exactSoon();
    assert.ok(nonsense > 1);
  } finally {
    await world.close();
  }
});

test.run();
