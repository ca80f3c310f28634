import { readdirSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { writeRegistration } from "../../../src/wal/registrations.js";
import { inDirectory, rotatedLog, segments, wal } from "./harness.js";

test("forget: releases a projection, once", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const offset = Number.parseInt(path.basename(segments(directory)[1] ?? ""), 10);
    const registration = { name: "mongo", offset, epoch: 1, nonce: "00", updatedAt: "" };
    await writeRegistration(new LogDirectory(directory), registration);
    const { status, stdout } = await wal(directory, "forget", "mongo", "--json");
    assert.is(status, 0);
    const { segments: held, ...rest } = JSON.parse(stdout) as { segments: number };
    assert.is(held, segments(directory).length - 2);
    assert.match(JSON.stringify(rest), `{"forgotten":"mongo","checkpoint":${offset},"bytes":`);
    assert.equal(readdirSync(path.join(directory, "projections")), []);
    const again = await wal(directory, "forget", "mongo");
    assert.is(again.status, 1);
    assert.match(again.stderr, /^wal forget: no projection "mongo" is registered/);
    await writeRegistration(new LogDirectory(directory), registration);
    assert.match((await wal(directory, "forget", "mongo")).stdout, `forgot mongo: the log from offset ${offset} on`);
    assert.is((await wal(directory, "forget", "../lock")).status, 1);
  });
});

test.run();
