import { existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEADER_BYTES } from "../../../src/wal/format.js";
import { Log } from "../../../src/wal/log.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { readRegistrations } from "../../../src/wal/registrations.js";
import {
  append,
  appendRaw,
  bulky,
  flipByte,
  inDirectory,
  openLog,
  rotatedLog,
  segments,
  snapshot,
  wal,
} from "./harness.js";
import { counts, files, type RepairDocument, repaired, serves } from "./repair-harness.js";

const ALL = { ms: 0, bytes: 0 };

function quarantined(directory: string): string[] {
  return readdirSync(path.join(directory, "quarantine")).sort();
}

test("a sound log: nothing to do, nothing written", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const before = files(directory);
    assert.is((await wal(directory, "repair")).stdout, "nothing to do\n");
    assert.is((await wal(directory, "repair", "--yes")).stdout, "nothing to do\n");
    assert.equal(files(directory), before);
  });
});

test("a damaged batch within a segment: its bytes are kept, its offsets written down, the rest counts", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [file = ""] = segments(directory);
    flipByte(file, HEADER_BYTES + 100);
    const damaged = readFileSync(file);
    assert.equal(await counts(directory), { incomplete: true, counters: { a: 180, b: 200 } });
    assert.equal(await repaired(directory), ["missing"]);
    assert.equal(readFileSync(file), damaged, "the segment stays as it is");
    const [copy = "", note = ""] = quarantined(directory);
    const { bytes, offsets, crc32 } = JSON.parse(readFileSync(path.join(directory, "quarantine", note), "utf8"));
    assert.equal(offsets, { from: 0, to: 20 });
    assert.is(copy, `${path.basename(file)}.${HEADER_BYTES}-${bytes.to}.${crc32}.bytes`);
    assert.equal(readFileSync(path.join(directory, "quarantine", copy)), damaged.subarray(HEADER_BYTES, bytes.to));
    assert.equal(await counts(directory), { incomplete: false, counters: { a: 180, b: 200 } });
    const status = JSON.parse((await wal(directory, "status", "--json")).stdout);
    assert.equal([status.log.missing.length, status.log.missing[0].from, status.log.missing[0].to], [1, 0, 20]);
    assert.match((await wal(directory, "verify")).stdout, /^missing: .*offsets 0 to 20 written down as missing/);
    assert.match((await wal(directory, "cat")).stderr, /^missing: .*offsets 0 to 20/);
    await serves(directory, { a: 180, b: 200 });
  });
});

test("the damage grows: what is new of it is damage again, and can be repaired", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [file = ""] = segments(directory);
    flipByte(file, HEADER_BYTES + 100);
    await repaired(directory);
    flipByte(file, HEADER_BYTES + 21_000);
    assert.is((await counts(directory)).incomplete, true);
    assert.equal(await repaired(directory), ["missing"]);
    await serves(directory, { a: 180, b: 180 });
  });
});

for (const [which, at] of [
  ["the oldest", 0],
  ["a middle", 2],
  ["the newest", -1],
] as const) {
  test(`a damaged header of ${which} segment is written again from its batches: nothing is lost`, async () => {
    await inDirectory(async (directory) => {
      await rotatedLog(directory);
      const file = segments(directory).at(at) ?? "";
      flipByte(file, 44);
      assert.is((await counts(directory)).incomplete, true);
      assert.equal(await repaired(directory), ["header"]);
      assert.is(quarantined(directory).length, 2);
      await serves(directory, { a: 200, b: 200 });
    });
  });
}

test("a damaged header of the oldest segment that retention has left", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    const log = await openLog(directory);
    await log.applyRetention(ALL, 150);
    await log.close();
    flipByte(segments(directory)[0], 44);
    assert.equal(await repaired(directory), ["header"]);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("damaged headers of three segments in a row", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    for (const file of segments(directory).slice(2, 5)) flipByte(file, 44);
    assert.equal(await repaired(directory), ["header", "header", "header"]);
    await serves(directory, { a: 200, b: 200 });
  });
});

for (const isNewest of [true, false]) {
  test(`a damaged header of an epoch that nothing remembers, ${isNewest ? "in" : "not in"} the newest segment`, async () => {
    await inDirectory(async (directory) => {
      await rotatedLog(directory);
      const log = await openLog(directory);
      await append(log, bulky("c", 10));
      await log.close();
      const file = segments(directory).at(-1);
      if (!isNewest) {
        const later = await openLog(directory);
        await append(later, bulky("d", 10));
        await later.close();
      }
      flipByte(file, 44);
      assert.equal(await repaired(directory), ["missing"]);
      await serves(directory, { a: 200, b: 200, ...(isNewest ? {} : { d: 10 }) });
    });
  });
}

test("a closed segment that is shorter than its recorded end", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    truncateSync(segments(directory)[1] ?? "", HEADER_BYTES + 30_000);
    assert.equal(await repaired(directory), ["missing"]);
    await serves(directory, { a: 180, b: 180 });
  });
});

test("the newest segment shorter than it was prepared: the damage has no end until the log is opened", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    truncateSync(segments(directory).at(-1) ?? "", HEADER_BYTES + 30_000);
    assert.match((await wal(directory, "repair")).stdout, /to do: .*\nnothing was changed: stop the server/);
    assert.equal(await repaired(directory), ["missing"]);
    await serves(directory, { a: 200, b: 180 });
  });
});

test("a middle segment is gone", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    rmSync(segments(directory)[2] ?? "");
    assert.equal(await repaired(directory), ["missing"]);
    assert.is(existsSync(path.join(directory, "quarantine")), false, "there is nothing to keep");
    await serves(directory, { a: 160, b: 180 });
  });
});

test("a segment of which nothing can be read, and the next one gone: restored once", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    const [, unreadable = "", gone = ""] = segments(directory);
    writeFileSync(unreadable, "nothing of it is left");
    rmSync(gone);
    assert.equal(await repaired(directory), ["missing", "mend"]);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("the newest segments are gone, and a snapshot has their hits", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    for (const file of segments(directory).slice(-2)) rmSync(file);
    assert.equal(await repaired(directory), ["missing", "mend"]);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("all segments are gone, a snapshot is left: it counts on from there", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    for (const file of segments(directory)) rmSync(file);
    const done = await wal(directory, "repair", "--yes");
    assert.is(done.status, 0, done.stdout + done.stderr);
    assert.is((await wal(directory, "repair", "--yes")).stdout, "nothing to do\n");
    assert.equal(await counts(directory), { incomplete: false, counters: { a: 200, b: 200 } });
  });
});

test("the oldest segments are gone and no snapshot covers them: counted from what is left", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    for (const file of segments(directory).slice(0, 2)) rmSync(file);
    assert.is((await wal(directory, "counts")).status, 1);
    assert.equal(await repaired(directory), ["missing"]);
    await serves(directory, { a: 140, b: 140 });
  });
});

test("damaged snapshots go to quarantine, and the log is counted from its birth", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(await snapshot(directory), -6);
    flipByte(await snapshot(directory, { offset: 40 }), 10);
    assert.equal(await repaired(directory), ["snapshot", "snapshot"]);
    assert.equal(readdirSync(path.join(directory, "snapshots")), []);
    assert.is(quarantined(directory).length, 4);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("all snapshots damaged and the old segments gone by retention: what is left counts, the rest is written down", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const file = await snapshot(directory);
    const log = await openLog(directory);
    await log.applyRetention(ALL, 150);
    await log.close();
    flipByte(file, -6);
    assert.equal(await repaired(directory), ["missing", "snapshot"]);
    await serves(directory, { a: 140, b: 140 });
  });
});

test("a damaged registration is kept, and registered again so that retention keeps the log", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const log = await openLog(directory);
    const { writeRegistration } = await import("../../../src/wal/registrations.js");
    await writeRegistration(new LogDirectory(directory), {
      name: "other",
      offset: 400,
      epoch: 1,
      nonce: "00",
      updatedAt: "",
    });
    await log.close();
    flipByte(path.join(directory, "projections", "other.json"), 0);
    assert.equal(await repaired(directory), ["registration"]);
    const [registered] = await readRegistrations(new LogDirectory(directory));
    assert.equal([registered?.name, registered?.offset, registered?.damaged], ["other", 0, undefined]);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("a damaged list of missing ranges: damage again, and written down again", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    await repaired(directory);
    flipByte(path.join(directory, "missing.json"), 40);
    assert.is((await counts(directory)).incomplete, true);
    assert.is((await wal(directory, "verify")).status, 1);
    assert.equal(await repaired(directory), ["missing", "missing", "list"]);
    await serves(directory, { a: 180, b: 200 });
  });
});

test("a byte in the rest of a header's block: no record is concerned, and verify is content", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(segments(directory)[1], 500);
    assert.is((await wal(directory, "verify")).status, 0);
    assert.equal(await repaired(directory), []);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("all headers damaged: a snapshot has the log's id and its epoch", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    for (const file of segments(directory)) flipByte(file, 44);
    assert.equal(await repaired(directory), Array(7).fill("header"));
    await serves(directory, { a: 200, b: 200 });
  });
});

test("a plan counts with the headers that it would write", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    const [first, , third] = segments(directory);
    flipByte(first, HEADER_BYTES + 100);
    flipByte(third, 44);
    const steps = async (...args: string[]) => {
      const { steps } = JSON.parse((await wal(directory, "repair", "--json", ...args)).stdout) as RepairDocument;
      return steps.map(({ detail }) => detail);
    };
    const plan = await steps();
    assert.ok(plan.includes("20 hits of 1 counter restored from snapshots"), plan.join("\n"));
    assert.equal(await steps("--yes"), plan);
  });
});

test("what snapshots knew of the damaged hits is counted, also from the log's birth", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    const [first = "", second = ""] = segments(directory);
    flipByte(first, HEADER_BYTES + 100);
    truncateSync(second, HEADER_BYTES + 30_000);
    assert.equal(await repaired(directory), ["missing", "missing", "mend"]);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("a snapshot that was made after damage, and an earlier one that has more: it is made again", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    const damaged = await openLog(directory);
    await append(damaged, bulky("c", 5));
    const { damage } = await import("../../../src/maintenance/counts.js").then(({ countHits }) =>
      countHits(new LogDirectory(directory)),
    );
    assert.equal(damage, []);
    await damaged.close();
    const met = { file: path.basename(segments(directory)[0] ?? ""), byte: HEADER_BYTES, from: 0, to: 20 };
    const stale = await snapshot(directory, { damage: [{ ...met, expected: "a batch", found: "none" }] });
    assert.equal(await counts(directory), { incomplete: true, counters: { a: 180, b: 200, c: 5 } });
    assert.equal(await repaired(directory), ["missing", "mend", "snapshot"]);
    assert.ok(quarantined(directory).some((name) => name.startsWith(path.basename(stale))));
    await serves(directory, { a: 200, b: 200, c: 5 });
  });
});

test("the segment was put back from a backup: snapshots that lack its hits are made again", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [file = ""] = segments(directory);
    flipByte(file, HEADER_BYTES + 100);
    const met = { file: path.basename(file), byte: HEADER_BYTES, from: 0, to: 20, expected: "a batch", found: "none" };
    await snapshot(directory, { damage: [met] });
    flipByte(file, HEADER_BYTES + 100);
    assert.equal(await counts(directory), { incomplete: true, counters: { a: 180, b: 200 } });
    assert.equal(await repaired(directory), ["snapshot"]);
    await serves(directory, { a: 200, b: 200 });
  });
});

test("retention continues over what was repaired", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const names = segments(directory);
    flipByte(names[0], HEADER_BYTES + 100);
    truncateSync(names[1] ?? "", HEADER_BYTES + 30_000);
    rmSync(names[3] ?? "");
    const before = await openLog(directory);
    assert.equal(await before.applyRetention(ALL, 350), [], "not over damage");
    await before.close();
    await repaired(directory);
    const log = await openLog(directory);
    assert.equal(await log.applyRetention(ALL, 350), [0, 60, 120, 240]);
    await log.close();
  });
});

test("retention continues over a segment whose header is gone for good", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    for (const counter of ["c", "d"]) {
      const log = await openLog(directory);
      await append(log, bulky(counter, 10));
      await log.close();
    }
    const lost = segments(directory).at(-2) ?? "";
    flipByte(lost, 44);
    await repaired(directory);
    const log = await openLog(directory);
    const removed = await log.applyRetention(ALL, log.end);
    assert.ok(removed.includes(Number.parseInt(path.basename(lost), 10)), JSON.stringify(removed));
    await log.close();
  });
});

test("swapped segments: nothing is changed, and it prints what to do by hand", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const [, first = "", second = ""] = segments(directory);
    const swap = () => {
      renameSync(first, `${first}.away`);
      renameSync(second, first);
      renameSync(`${first}.away`, second);
    };
    swap();
    const before = files(directory);
    const { status, stdout } = await wal(directory, "repair", "--yes");
    assert.is(status, 1);
    assert.match(stdout, /^by hand: \d+\.log has the name of another segment.*\n.*\nnothing was changed/);
    assert.equal(files(directory), before);
    swap();
    assert.is((await wal(directory, "repair", "--yes")).stdout, "nothing to do\n");
  });
});

test("a record that can't be decoded can't be repaired, and is reported", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const log = await openLog(directory);
    await appendRaw(log, Buffer.from([9, 0, 0]));
    await log.close();
    for (const args of [["repair"], ["repair", "--yes"]]) {
      const { status, stdout } = await wal(directory, ...args);
      assert.is(status, 1);
      assert.match(stdout, /^can't be repaired: damage: /);
    }
  });
});

test("the log's id is unknown: it can't be repaired, and that is reported", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    for (const file of segments(directory)) flipByte(file, 44);
    const before = files(directory);
    const { status, stderr } = await wal(directory, "repair", "--yes");
    assert.is(status, 1);
    assert.match(stderr, /no readable header or snapshot/);
    assert.equal(files(directory), before);
  });
});

test("while a server has the log a repair is refused, with advice to stop it; the plan is shown all the same", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    const log = await Log.open({
      directory: new LogDirectory(directory),
      segmentBytes: 65_536,
      maxQueuedBytes: 65_536,
    });
    assert.is((await wal(directory, "repair")).status, 0);
    const { status, stderr } = await wal(directory, "repair", "--yes");
    assert.is(status, 1);
    assert.match(stderr, /^wal repair: stop the server first: .* is in use by process/);
    assert.equal(
      ["missing.json", "quarantine"].filter((name) => existsSync(path.join(directory, name))),
      [],
    );
    await log.close();
  });
});

test.run();
