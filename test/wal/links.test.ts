/** A link that somebody has placed in a log directory decides nothing about what is written. */
import fs from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { takeLock } from "../../src/wal/lock.js";
import { Log } from "../../src/wal/log.js";
import { LogDirectory } from "../../src/wal/log-directory.js";
import { nodeFileSystem } from "../../src/wal/node-file-system.js";
import { append } from "../support/log-files.js";
import { temporaryDirectory } from "../support/server-process.js";

const open = (where: string) =>
  Log.open({ directory: new LogDirectory(where), segmentBytes: 64 * 1024, maxQueuedBytes: 1024 * 1024 });

function isRefusalOf(file: string) {
  return (error: unknown) => {
    assert.ok(error instanceof HitsError, String(error));
    assert.is(error.code, "LOG_DIRECTORY");
    assert.ok(error.message.startsWith(`${file} is a symbolic link`), error.message);
    return true;
  };
}

async function expectRefused(work: () => Promise<unknown>, file: string): Promise<void> {
  isRefusalOf(file)(
    await work().then(
      () => assert.unreachable(`${file} was followed`),
      (error: unknown) => error,
    ),
  );
}

test("a link of any of the log's names stops the start, and what it leads to stays as it was", async () => {
  const home = temporaryDirectory();
  const victim = path.join(home, "victim");
  fs.writeFileSync(victim, "precious");
  for (const name of ["lock", "prepared.tmp", "missing.json", "missing.json.tmp", `${"0".repeat(20)}.log`]) {
    const where = path.join(home, name.slice(0, 5));
    fs.mkdirSync(where, { recursive: true });
    const link = path.join(where, name);
    fs.symlinkSync(victim, link);
    await expectRefused(() => open(where), link);
    fs.unlinkSync(link);
    assert.equal(fs.readdirSync(where), []);
  }
  for (const name of ["snapshots", "projections", "quarantine"]) {
    const where = path.join(home, `of ${name}`);
    const elsewhere = path.join(home, `${name} elsewhere`);
    fs.mkdirSync(where);
    fs.mkdirSync(elsewhere);
    fs.symlinkSync(elsewhere, path.join(where, name));
    await expectRefused(() => open(where), path.join(where, name));
    assert.equal(fs.readdirSync(elsewhere), []);
  }
  assert.is(fs.readFileSync(victim, "utf8"), "precious");
});

test("one that appears later is not written through either", async () => {
  const where = temporaryDirectory();
  const elsewhere = temporaryDirectory();
  const directory = new LogDirectory(where);
  fs.symlinkSync(elsewhere, path.join(where, "snapshots"));
  await expectRefused(() => directory.makeFolder("snapshots"), path.join(where, "snapshots"));
  const victim = path.join(elsewhere, "victim");
  fs.writeFileSync(victim, "precious");
  fs.symlinkSync(victim, path.join(where, "file"));
  for (const mode of ["update", "durable", "create"] as const) {
    const error = await nodeFileSystem.open(path.join(where, "file"), mode).catch((thrown: unknown) => thrown);
    assert.match(String(error), /ELOOP|EEXIST/, mode);
  }
});

test("the directory itself may be a link, and links of other names may be in it", async () => {
  const home = temporaryDirectory();
  fs.mkdirSync(path.join(home, "real"));
  fs.writeFileSync(path.join(home, "notes"), "");
  fs.symlinkSync(path.join(home, "real"), path.join(home, "wal"));
  fs.symlinkSync(path.join(home, "notes"), path.join(home, "real", "README.md"));
  const log = await open(path.join(home, "wal"));
  await append(log, ["a"]);
  await log.close();
  await (await takeLock(path.join(home, "wal"))).release();
});

test.run();
