import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inDirectory, rotatedLog, snapshot, wal } from "./harness.js";

test("invalid arguments: one line, exit status 64, nothing on stdout", async () => {
  await inDirectory(async (directory) => {
    const refused = [
      [],
      ["mend"],
      ["audit", "extra"],
      ["ls", "extra"],
      ["ls", "--top", "3"],
      ["ls", "--nope"],
      ["ls", "--dir", ""],
      ["cat", "--from", "x"],
      ["cat", "--from", "-1"],
      ["cat", "--from"],
      ["cat", "--from", "1e3"],
      ["cat", "--from", "5", "--to", "4"],
      ["cat", "--from", "99999999999999999"],
      ["cat", "--counter", ""],
      ["cat", "--counter", "a\nb"],
      ["counts", "--top", "0"],
      ["counts", "--json=yes"],
      ["forget"],
      ["fork"],
      ["fork", "a", "b"],
    ];
    for (const args of refused) {
      const { status, stdout, stderr } = await wal(directory, ...args);
      assert.is(status, 64, args.join(" "));
      assert.is(stdout, "");
      assert.match(stderr, /^wal: [^\n]+\n$/, args.join(" "));
    }
  });
});

test("help, overall and of each command", async () => {
  await inDirectory(async (directory) => {
    const all = await wal(directory, "--help");
    assert.is(all.status, 0);
    for (const name of ["ls", "cat", "counts", "verify", "status", "audit", "forget PROJECTION", "fork DIR"]) {
      assert.match(all.stdout, new RegExp(`^  ${name}`, "m"));
      const one = await wal(directory, name.split(" ")[0] ?? "", "--help");
      assert.is(one.status, 0);
      assert.match(one.stdout, `usage: durable-hits wal ${name}`);
      assert.match(one.stdout, "Exit status:");
    }
  });
});

test("a directory that is no log, or isn't there: one line, exit status 1", async () => {
  await inDirectory(async (directory) => {
    writeFileSync(path.join(directory, "README.md"), "");
    for (const place of [directory, path.join(directory, "nowhere"), path.join(directory, "README.md")]) {
      for (const args of [
        ["ls"],
        ["cat"],
        ["counts"],
        ["verify"],
        ["status"],
        ["forget", "x"],
        ["fork", `${place}/new`],
      ]) {
        const { status, stdout, stderr } = await wal(place, ...args);
        assert.is(status, 1, args.join(" "));
        assert.is(stdout, "");
        assert.match(stderr, /^wal [a-z]+: [^\n]+\n$/);
        assert.ok(stderr.includes(place));
      }
    }
    assert.not(existsSync(path.join(directory, "nowhere")));
  });
});

test("--dir goes before WAL_DIR", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    assert.is((await wal("/nowhere", "ls", "--dir", directory)).status, 0);
    assert.is((await wal("/nowhere", "--dir", directory, "ls")).status, 0);
  });
});

test("looking writes nothing", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    const contents = () =>
      readdirSync(directory, { recursive: true, withFileTypes: true, encoding: "utf8" })
        .filter((entry) => entry.isFile())
        .map(({ name, parentPath }) => `${name} ${crc32(readFileSync(path.join(parentPath, name)))}`)
        .sort();
    const before = contents();
    assert.ok(before.length > 3);
    for (const command of ["ls", "cat", "counts", "verify", "status"]) await wal(directory, command);
    assert.equal(contents(), before);
  });
});

test.run();
