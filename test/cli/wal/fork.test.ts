import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, inDirectory, openLog, rotatedLog, wal } from "./harness.js";

interface CountsDocument {
  readonly readFrom: number;
  readonly end: number;
  readonly incomplete: boolean;
  readonly counters: readonly { readonly counter: string; readonly count: number }[];
}

test("fork: a new log with an id of its own; the old one stays as it is", async () => {
  await inDirectory(async (parent) => {
    const directory = path.join(parent, "old");
    const target = path.join(parent, "below", "new");
    mkdirSync(directory);
    await rotatedLog(directory);
    const before = readdirSync(directory);
    const { status, stdout } = await wal(directory, "fork", target, "--json");
    assert.is(status, 0);
    const forked = JSON.parse(stdout) as { from: string; log: string; directory: string };
    assert.is(forked.directory, target);
    assert.is.not(forked.log, forked.from);
    assert.equal(readdirSync(directory), before);
    const log = await openLog(target);
    assert.is(log.id, forked.log);
    await append(log, [{ counter: "a", n: 1 }]);
    await log.close();
    const counts = JSON.parse((await wal(target, "counts", "--json")).stdout) as CountsDocument;
    assert.equal(counts.counters, [{ counter: "a", count: 1 }]);
    assert.is((await wal(target, "verify")).status, 0);
    assert.is((await wal(directory, "fork", target)).status, 1, "not twice");
    assert.is((await wal(directory, "fork", directory)).status, 1, "not into itself");
    const tolerated = path.join(parent, "tolerated");
    mkdirSync(tolerated);
    writeFileSync(path.join(tolerated, ".gitignore"), "*\n");
    const text = await wal(directory, "fork", tolerated);
    assert.is(text.status, 0, text.stderr);
    assert.match(text.stdout, `log ${forked.from} → new log `);
    writeFileSync(path.join(parent, "file"), "");
    assert.is((await wal(directory, "fork", path.join(parent, "file"))).status, 1);
  });
});

test.run();
