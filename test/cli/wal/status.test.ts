import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { writeRegistration } from "../../../src/wal/registrations.js";
import { append, flipByte, inDirectory, openLog, SEGMENT_BYTES, snapshot, wal } from "./harness.js";

test("status: log, snapshots, projections with their lag in hits", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    await append(log, [
      { counter: "a", n: 1 },
      { counter: "a", n: 20 },
      { counter: "b", n: 300 },
    ]);
    const { epoch, nonce, id } = log;
    const updatedAt = "2026-01-02T03:04:05.000Z";
    await writeRegistration(new LogDirectory(directory), { name: "mongo", offset: 1, epoch, nonce, updatedAt });
    await writeRegistration(new LogDirectory(directory), { name: "other", offset: 3, epoch, nonce, updatedAt });
    writeFileSync(path.join(directory, "projections", "broken.json"), "{");
    writeFileSync(path.join(directory, "lock"), "process 1 on here, since then\n");
    await snapshot(directory);
    flipByte(await snapshot(directory, { offset: 2 }), -8);
    await log.close();
    const { status, stdout } = await wal(directory, "status", "--json");
    const report = JSON.parse(stdout) as Record<string, unknown>;
    assert.is(status, 0);
    assert.equal(report["log"], {
      id,
      epoch: 1,
      start: 0,
      end: 3,
      segments: 1,
      bytes: SEGMENT_BYTES,
      damage: [],
      missing: [],
    });
    const projection = { updatedAt, problem: null };
    assert.equal(report["projections"], [
      {
        name: "broken",
        checkpoint: 0,
        lag: 321,
        updatedAt: "",
        problem: "its registration is damaged: not a registration in JSON",
      },
      { name: "mongo", checkpoint: 1, lag: 320, ...projection },
      { name: "other", checkpoint: 3, lag: 0, ...projection },
    ]);
    assert.is(report["lastOpenedBy"], "process 1 on here, since then");
    const snapshots = report["snapshots"] as { offset: number; sound: boolean; ageSeconds: number }[];
    assert.equal(
      snapshots.map(({ offset, sound }) => ({ offset, sound })),
      [
        { offset: 3, sound: true },
        { offset: 2, sound: false },
      ],
    );
    assert.ok(snapshots.every(({ ageSeconds }) => ageSeconds >= 0 && ageSeconds < 60));
    const text = (await wal(directory, "status")).stdout;
    assert.match(text, `log ${id}, epoch 1`);
    assert.match(text, /^mongo +1 +320 +2026-01-02T03:04:05.000Z$/m);
    assert.match(text, "last opened by process 1 on here");
  });
});

test.run();
