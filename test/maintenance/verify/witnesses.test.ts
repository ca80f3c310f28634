import { renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EPOCH_GAP } from "../../../src/wal/format.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { writeRegistration } from "../../../src/wal/registrations.js";
import {
  append,
  bulky,
  flipByte,
  inDirectory,
  openLog,
  rotatedLog,
  segments,
  snapshot,
  wal,
} from "../../cli/wal/harness.js";
import { FIRST, places, verify } from "../../cli/wal/verified.js";

test("the oldest segment deleted is damage, unless a snapshot covers it", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [first = "", second = ""] = segments(directory);
    rmSync(first);
    assert.equal(places(await verify(directory)), [`damage ${path.basename(second)}:0 @0`]);
    await snapshot(directory);
    assert.equal((await verify(directory)).findings, []);
  });
});

test("a damaged snapshot is damage, and the finding has what is used instead", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const file = await snapshot(directory);
    flipByte(file, -8);
    const alone = await verify(directory);
    assert.equal(places(alone), ["snapshot snapshots/00000000000000000400.snapshot:0 @400"]);
    assert.match(alone.findings[0]?.found ?? "", "the log from its beginning is used");
    await snapshot(directory, { offset: 200 });
    const beside = await verify(directory);
    assert.match(beside.findings[0]?.found ?? "", "the snapshot at offset 200 is used");
    assert.is(beside.sound, false);
    // The facts have a checksum of their own.
    flipByte(file, 40);
    assert.match((await verify(directory)).findings[0]?.found ?? "", "its facts fail their checksum");
  });
});

test("a snapshot or registration beyond the end of the log is damage, also with its totals damaged", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const file = await snapshot(directory, { offset: 401 });
    const beyond = ["snapshot snapshots/00000000000000000401.snapshot:0 @401"];
    const verification = await verify(directory);
    assert.equal(places(verification), beyond);
    assert.match(verification.findings[0]?.found ?? "", "end at offset 400");
    flipByte(file, -8);
    assert.equal(places(await verify(directory)), [...beyond, ...beyond]);
    rmSync(file);
    const log = await openLog(directory);
    const { epoch, nonce } = log;
    await log.close();
    await writeRegistration(new LogDirectory(directory), {
      name: "mongo",
      offset: log.end + 1,
      epoch,
      nonce,
      updatedAt: "",
    });
    assert.equal(places(await verify(directory)), [`registration projections/mongo.json:0 @${log.end + 1}`]);
  });
});

test("records that a snapshot proves are not covered by later epochs", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory, { offset: 410 });
    // Opened without the snapshot as a witness, as if its disk had been away.
    renameSync(path.join(directory, "snapshots"), path.join(directory, ".away"));
    const log = await openLog(directory);
    await append(log, bulky("a", 10));
    await log.close();
    renameSync(path.join(directory, ".away"), path.join(directory, "snapshots"));
    assert.ok(log.end > 400 + EPOCH_GAP);
    assert.equal(places(await verify(directory)), ["snapshot snapshots/00000000000000000410.snapshot:0 @410"]);
  });
});

test("snapshots and registrations of another log, epoch or copy are damage", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const named = async (changed: Parameters<typeof snapshot>[1]) => {
      const file = await snapshot(directory, changed);
      const { findings } = await verify(directory);
      rmSync(file);
      assert.is(findings.length, 1);
      return `${findings[0]?.kind} ${findings[0]?.expected}`;
    };
    assert.match(await named({ logId: "x".repeat(16) }), /^snapshot log [a-z0-9]{16}, as in the segments/);
    assert.match(await named({ epoch: 2 }), /^snapshot an epoch up to 1/);
    assert.match(await named({ nonce: "ab".repeat(8) }), /^snapshot nonce [0-9a-f]{16}/);
    await writeRegistration(new LogDirectory(directory), {
      name: "m",
      offset: 1,
      epoch: 1,
      nonce: "00",
      updatedAt: "",
    });
    writeFileSync(path.join(directory, "projections", "n.json"), "{}");
    const verification = await verify(directory);
    assert.equal(places(verification).sort(), [
      "registration projections/m.json:0 @1",
      "registration projections/n.json:0 @0",
    ]);
    assert.is(verification.sound, false);
  });
});

test("all segments gone while there is a snapshot is damage", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    for (const file of segments(directory)) rmSync(file);
    assert.equal(places(await verify(directory)), [`damage ${FIRST}:0 @400`]);
    const counts = await wal(directory, "counts", "--json");
    assert.is(counts.status, 0);
    assert.match(counts.stdout, '"incomplete":true');
  });
});

test("damage that only a snapshot remembers is damage still", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const damage = [{ file: "x.log", byte: 5, from: 20, to: 40, expected: "a", found: "b" }];
    await snapshot(directory, { damage });
    const verification = await verify(directory);
    assert.equal(places(verification), ["damage x.log:5 @20"]);
    assert.match(verification.findings[0]?.found ?? "", "snapshots/00000000000000000400.snapshot remembers");
  });
});

test("a registration of before the first hit is sound, also where an opening took the place of the first", async () => {
  await inDirectory(async (directory) => {
    const first = await openLog(directory);
    const { epoch, nonce, end: offset } = first;
    await writeRegistration(new LogDirectory(directory), { name: "early", offset, epoch, nonce, updatedAt: "" });
    assert.is(offset, 0);
    await first.close();
    const second = await openLog(directory);
    assert.equal((await verify(directory)).findings, []);
    await second.close();
  });
});

test.run();
