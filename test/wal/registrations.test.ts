import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Registration,
  readRegistrations,
  removeRegistration,
  writeRegistration,
} from "../../src/wal/registrations.js";
import { codeOf, DIRECTORY, directoryOn, smallLog } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

function registration(name: string, offset: number): Registration {
  return { name, offset, epoch: 3, nonce: "0011223344556677", updatedAt: "2026-01-01T00:00:00.000Z" };
}

test("registered, moved, listed by name, forgotten", async () => {
  const fs = await smallLog(["a"]);
  assert.equal(await readRegistrations(directoryOn(fs)), []);
  await writeRegistration(directoryOn(fs), registration("mongo", 5));
  await writeRegistration(directoryOn(fs), registration("a-2", 1));
  await writeRegistration(directoryOn(fs), registration("mongo", 10));
  assert.equal(await readRegistrations(directoryOn(fs)), [registration("a-2", 1), registration("mongo", 10)]);
  await removeRegistration(directoryOn(fs), "mongo");
  assert.equal(await readRegistrations(directoryOn(fs)), [registration("a-2", 1)]);
});

test("durable when it resolves; a crash while it moves leaves the old one or the new", async () => {
  const fs = await smallLog(["a"]);
  await writeRegistration(directoryOn(fs), registration("mongo", 5));
  assert.equal(await readRegistrations(directoryOn(fs.crash("lost"))), [registration("mongo", 5)]);
  const met = new Set<number>();
  let moments = 0;
  fs.moment = async () => {
    moments++;
    for (const crash of ["lost", "kept", { seed: moments }, { seed: moments + 99 }] as const) {
      const found = await readRegistrations(directoryOn(fs.crash(crash)));
      assert.is(found.length, 1);
      met.add(found[0]?.offset ?? -1);
    }
  };
  await writeRegistration(directoryOn(fs), registration("mongo", 6));
  assert.equal([...met].sort(), [5, 6]);
  await removeRegistration(directoryOn(fs.crash("lost")), "mongo");
});

test("forgetting is durable, and says what is registered where the name is wrong", async () => {
  const fs = await smallLog(["a"]);
  assert.is(await codeOf(removeRegistration(directoryOn(fs), "mongo")), "UNKNOWN_PROJECTION");
  await writeRegistration(directoryOn(fs), registration("mongo", 5));
  const error = await removeRegistration(directoryOn(fs), "mongoose").catch((thrown: Error) => thrown);
  assert.match(error instanceof Error ? error.message : "", "registered: mongo");
  for (const bad of ["../mongo", "mongo.json", "", "Mongo"]) {
    assert.is(await codeOf(removeRegistration(directoryOn(fs), bad)), "UNKNOWN_PROJECTION", bad);
  }
  await removeRegistration(directoryOn(fs), "mongo");
  assert.equal(await readRegistrations(directoryOn(fs.crash("lost"))), []);
});

test("names are checked before they become a path", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  for (const bad of ["", "..", "a/b", "A", "-a", "a".repeat(65), "a.b"]) {
    assert.is(await codeOf(writeRegistration(directoryOn(fs), registration(bad, 1))), "INVALID_ARGUMENT", bad);
  }
  assert.equal(fs.record, []);
});

test("one that can't be read is named, at offset 0; what is not one is passed over", async () => {
  const fs = await smallLog(["a"]);
  await writeRegistration(directoryOn(fs), registration("mongo", 5));
  fs.put(`${DIRECTORY}/projections/mongo.json`, Buffer.from('{"offset":5'));
  fs.put(`${DIRECTORY}/projections/mongo.json.tmp`, Buffer.from("half"));
  fs.put(`${DIRECTORY}/projections/README.md`, Buffer.from("notes"));
  const found = await readRegistrations(directoryOn(fs));
  assert.is(found.length, 1);
  assert.equal([found[0]?.name, found[0]?.offset, typeof found[0]?.damaged], ["mongo", 0, "string"]);
});

test.run();
