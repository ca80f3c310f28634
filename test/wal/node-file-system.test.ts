import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemCode } from "../../src/errors.js";
import { writeSnapshot } from "../../src/projection/snapshot/snapshot.js";
import { Totals } from "../../src/projection/totals.js";
import { Log } from "../../src/wal/log.js";
import { LogDirectory } from "../../src/wal/log-directory.js";
import { writeMissingRanges } from "../../src/wal/missing-ranges.js";
import { nodeFileSystem } from "../../src/wal/node-file-system.js";
import { copyFileToQuarantine } from "../../src/wal/quarantine.js";
import { writeRegistration } from "../../src/wal/registrations.js";
import { append, readOn } from "../support/log-files.js";

const root = fs.mkdtempSync(path.join(tmpdir(), "hits-fs-"));
test.after(() => fs.rmSync(root, { recursive: true, force: true }));

const code = (promise: Promise<unknown>) => promise.then(() => "done", systemCode);

test("files: create, write, read, size, truncate, sync", async () => {
  const name = path.join(root, "file");
  assert.is(await code(nodeFileSystem.open(name, "read")), "ENOENT");
  assert.is(await code(nodeFileSystem.open(name, "update")), "ENOENT");
  assert.is(await code(nodeFileSystem.open(name, "durable")), "ENOENT");
  const file = await nodeFileSystem.open(name, "create");
  assert.is(file.writesAreDurable, false);
  assert.is(await file.write(Buffer.from("..hello.."), 2, 5, 3), 5);
  await file.sync();
  assert.is(await file.size(), 8);
  const buffer = Buffer.alloc(10, "-");
  assert.is(await file.read(buffer, 1, 9, 3), 5);
  assert.is(buffer.toString(), "-hello----");
  assert.is(await file.read(buffer, 0, 10, 8), 0);
  await file.truncate(4);
  assert.is(await file.size(), 4);
  await file.close();
  assert.is(await code(nodeFileSystem.open(name, "create")), "EEXIST");

  const durable = await nodeFileSystem.open(name, "durable");
  assert.is(durable.writesAreDurable, process.platform === "linux");
  assert.is(await durable.write(Buffer.from("xy"), 0, 2, 0), 2);
  await durable.close();
  assert.is(fs.readFileSync(name).toString("latin1"), "xy\0h");

  const reading = await nodeFileSystem.open(name, "read");
  assert.is(await code(reading.write(Buffer.from("x"), 0, 1, 0)), "EBADF");
  // A reader in another process makes durable what it read.
  await reading.sync();
  await reading.close();
});

test("directories: made with their parents, listed, names synced; renamed and removed files", async () => {
  const directory = path.join(root, "a", "b");
  await nodeFileSystem.makeDirectory(directory);
  await nodeFileSystem.makeDirectory(directory);
  await (await nodeFileSystem.open(path.join(directory, "x"), "create")).close();
  await nodeFileSystem.rename(path.join(directory, "x"), path.join(directory, "y"));
  await nodeFileSystem.syncDirectory(directory);
  assert.equal(await nodeFileSystem.list(directory), ["y"]);
  await nodeFileSystem.unlink(path.join(directory, "y"));
  assert.is(await code(nodeFileSystem.unlink(path.join(directory, "y"))), "ENOENT");
  assert.is(await code(nodeFileSystem.list(path.join(root, "none"))), "ENOENT");
  assert.is(await code(nodeFileSystem.syncDirectory(path.join(root, "none"))), "ENOENT");
});

test("a log on the real file system: written, rotated, closed, opened again, read", async () => {
  const directory = path.join(root, "log");
  const options = { directory: new LogDirectory(directory), segmentBytes: 64 * 1024, maxQueuedBytes: 1024 * 1024 };
  const first = await Log.open(options);
  const records = Array.from({ length: 8 }, (_, i) => `${i}`.padEnd(20_000, "."));
  await Promise.all(records.map((record) => append(first, [record])));
  await first.close();
  const second = await Log.open(options);
  await append(second, ["last"]);
  const contents = await readOn(second.reader(undefined));
  assert.equal([[...contents.records.values()], contents.damage], [[...records, "last"], []]);
  assert.is(new DataView(second.sharedEnd).getBigInt64(0, true), BigInt(second.end));
  await second.close();
});

/** The modes of a directory and of everything in it, by path. */
function modes(directory: string): Record<string, string> {
  const names = ["", ...(fs.readdirSync(directory, { recursive: true }) as string[])];
  const mode = (name: string) => (fs.statSync(path.join(directory, name)).mode & 0o777).toString(8);
  return Object.fromEntries(names.sort().map((name) => [name, mode(name)]));
}

test("what the log creates is for its own user alone, whatever the umask; what is there keeps its mode", async () => {
  const umask = process.umask(0);
  try {
    const made = path.join(root, "made");
    fs.mkdirSync(made);
    const directory = new LogDirectory(path.join(made, "above", "log"));
    const log = await Log.open({ directory, segmentBytes: 64 * 1024, maxQueuedBytes: 1024 * 1024 });
    await append(log, ["x".repeat(60_000)]);
    await append(log, ["y".repeat(60_000)]);
    const facts = { logId: log.id, epoch: 1, nonce: log.nonce, offset: 0, created: "", asOf: null, damage: [] };
    await writeSnapshot(directory, { facts, image: new Totals().image() });
    await writeRegistration(directory, { name: "mongodb", offset: 0, epoch: 1, nonce: log.nonce, updatedAt: "" });
    await writeMissingRanges(directory, []);
    await copyFileToQuarantine(directory, { file: "missing.json", why: "a test", when: "" });
    await log.close();
    const found = modes(made);
    assert.is(found[""], "777");
    delete found[""];
    const directories = [
      "above",
      "above/log",
      ...["projections", "quarantine", "snapshots"].map((name) => `above/log/${name}`),
    ];
    const wrong = Object.entries(found).filter(([name, mode]) => mode !== (directories.includes(name) ? "700" : "600"));
    assert.equal(wrong, []);
    assert.ok(Object.keys(found).length > directories.length + 6, Object.keys(found).join(", "));
  } finally {
    process.umask(umask);
  }
});

test.run();
