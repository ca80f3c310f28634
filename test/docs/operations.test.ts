/** Every procedure of docs/operations.md, run as written. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../projection/mongo/documents.js";
import { mongoTests } from "../support/mongodb/mongo-test.js";
import { commandsOf, Operated, spanIn } from "./operated.js";

const { controlTest } = await mongoTests();

function only(section: string): string {
  const [block = "", ...more] = commandsOf(section);
  assert.ok(block !== "" && more.length === 0, `${section} has one block of commands`);
  return block;
}

test("every block of commands is one that is run here", () => {
  const blocks = ["Backup", "Restore", "Upgrade", "The disk is full", "Retention", "Move a log", "Retire a collector"];
  assert.equal(
    blocks.map((section) => commandsOf(section).length),
    [1, 2, 1, 1, 1, 1, 1],
  );
});

test("without MongoDB: backed up under load, restored, upgraded, looked at, kept less of, moved", () =>
  Operated.with({}, async (operated) => {
    for (let hits = 1; hits <= 50; hits++) await operated.hit("home");
    let loaded = true;
    const load = (async () => {
      while (loaded) await Promise.all(Array.from({ length: 8 }, () => operated.hit("load")));
    })();
    const backup = await operated.run(only("Backup")).finally(async () => {
      loaded = false;
      await load;
    });
    assert.match(backup, /sound/);
    assert.is(await operated.hit("home"), 51);
    const after = await operated.count("load");

    assert.match(await operated.run(commandsOf("Restore")[0] ?? ""), /^sound/m);
    assert.is(await operated.count("home"), 50, "as the backup has it");
    const restored = await operated.count("load");
    assert.ok(restored >= 1 && restored <= after, `${restored} of ${after}`);

    await operated.run(only("Upgrade"));
    assert.is(await operated.hit("home"), 51);
    assert.match(await operated.run(only("The disk is full")), /no damage/);
    await operated.run(only("Retention"));
    assert.is(await operated.hit("home"), 52);
    await operated.run(only("Move a log"));
    assert.is(await operated.hit("home"), 53);
    assert.match(await operated.run("durable-hits wal counts --dir /mnt/new/wal"), /53\s+home|home\s+53/);
    assert.match(await operated.run("ls /var/lib/durable-hits"), /^wal\.lost\nwal\.moved\n$/);
  }));

test("without MongoDB: a log retired into another server", async () => {
  await Operated.with({}, async (retired) => {
    await retired.hit("home");
    await retired.hit("home");
    await Operated.with({}, async (other) => {
      await other.hit("home");
      const address = spanIn("Retire a collector", "durable-hits import");
      await retired.run(
        `${spanIn("Retire a collector", "durable-hits wal cat")}; ${address.replace("https://…", other.url)}`,
      );
      assert.is(await other.count("home"), 3);
    });
  });
});

controlTest(
  "with MongoDB: a backup that lags it becomes a new log, and a retired one keeps its slot",
  async (mongo) => {
    await mongo.start();
    const environment = { MONGODB_URL: mongo.url, MONGODB_DB: mongo.randomDatabase() };
    await Operated.with(environment, async (operated) => {
      const audit = (directory: string) =>
        operated.run(`durable-hits wal audit --json --dir ${directory}`).then(
          (text) => JSON.parse(text) as { exact: boolean; pending: number },
          () => undefined,
        );
      const projected = async () => {
        const report = await audit("/var/lib/durable-hits/wal");
        return (report?.exact && report.pending === 0) || report;
      };
      for (let hits = 1; hits <= 3; hits++) await operated.hit("home");
      await eventually("three are projected", projected);
      await operated.run(only("Backup"));
      assert.is((await audit("/backup/wal"))?.exact, true, "as far as MongoDB");
      for (let hits = 1; hits <= 2; hits++) await operated.hit("home");
      await eventually("five are projected", projected);
      assert.is(await audit("/backup/wal"), undefined, "MongoDB has more than the backup");

      await operated.run(commandsOf("Restore")[1] ?? "");
      await eventually("the new log counts on from MongoDB's five", async () => (await operated.count("home")) === 5);
      await operated.hit("home");
      assert.is(await operated.count("home"), 6);
      await eventually("all is projected", projected);

      assert.match(await operated.run(only("Retire a collector")), /exact/);
      await Operated.with(environment, async (other) => {
        await eventually("another collector shows them", async () => (await other.count("home")) === 6);
      });
    });
  },
);

test.run();
