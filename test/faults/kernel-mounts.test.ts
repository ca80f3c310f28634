/** Disks that run full and file systems that turn read-only, under load, and come back. */
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../projection/mongo/documents.js";
import { allCounts } from "../support/ledger-client.js";
import { Load } from "../support/load.js";
import { canMount, canMountImages, Mount } from "../support/mounts.js";
import { failedStart, ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const start = trackedServers();
const payload = JSON.stringify({ text: "x".repeat(2000) });

const mayMount = canMount();
if (!mayMount) console.log("SKIP a tmpfs of 1 MiB that runs full: this user can't mount one");
const onTmpfs = mayMount ? test : test.skip;
const mayMountImages = mayMount && (await canMountImages());
if (!mayMountImages) console.log("SKIP a file system that turns read-only: this user can't mount ext4 images");
const onImage = mayMountImages ? test : test.skip;

/** Writes a file of so many bytes, or of as many as there is room for: the load writes at the same time. */
function fill(file: string, bytes: number): void {
  try {
    writeFileSync(file, Buffer.alloc(bytes));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

onTmpfs("1 MiB that runs full under load, and has room again, three times over: refused is not counted", async () => {
  const mount = Mount.tmpfs("size=1m");
  const ballast = path.join(mount.directory, ".ballast");
  const environment = { WAL_DIR: mount.directory, WAL_SEGMENT_BYTES: "64KiB" };
  try {
    let server = await start(environment);
    const load = new Load(server.url, { clients: 8, payload, bulkEvery: 9 });
    for (let kib = 700; kib > 0; kib -= 300) {
      fill(ballast, kib * 1024);
      await eventually("hits are refused", () => load.outcomes.refused > 100);
      const { counted } = load.outcomes;
      rmSync(ballast);
      await eventually("hits are taken again", () => load.outcomes.counted > counted + 10);
      load.outcomes.refused = 0;
    }
    await eventually("it is full again", () => load.outcomes.refused > 100);
    await load.stop();
    const { ledger } = load;
    assert.equal(ledger.unexpected, []);
    assert.is(ledger.unanswered.size, 0, "a full disk leaves nothing open");
    assert.equal(ledger.wrong(await allCounts(server.url)), []);

    // Killed on the full disk, and started on it: it serves what it knows, and takes hits once there is room.
    await server.kill();
    writeFileSync(ballast, "");
    server = await start(environment);
    assert.equal(ledger.wrong(await allCounts(server.url)), [], "started on a full disk");
    const refused = await ledger.hit(server.url, "page 0", payload);
    assert.is(refused.outcome, "refused", refused.text);
    assert.match(refused.text, /"code":"DISK_FULL"/);
    mount.remount("size=2m");
    await eventually("taken", async () => (await ledger.hit(server.url, "page 0", payload)).outcome === "counted");
    assert.is((await server.stop()).status, 0);
    const again = await start(environment);
    assert.equal(ledger.wrong(await allCounts(again.url)), []);
    await again.stop();
  } finally {
    mount.unmount();
  }
});

onImage(
  "a file system that turns read-only under load: status 74, refused at starts, exact once it is back",
  async () => {
    const image = path.join(temporaryDirectory(), "image");
    let mount = Mount.ext4(image, 16 * 1024 * 1024);
    const directory = () => path.join(mount.directory, "wal");
    const settings = () => ({ WAL_DIR: directory(), WAL_SEGMENT_BYTES: "64KiB" });
    try {
      const server = await ServerProcess.start(settings());
      const load = new Load(server.url, { clients: 8, payload, bulkEvery: 9 });
      await eventually("hits are taken", () => load.outcomes.counted > 100);
      mount.failReadOnly();
      const end = await server.ended;
      await load.stop();
      const { ledger } = load;
      assert.is(end.status, 74, end.stderr);
      assert.match(end.stderr, /"code":"LOG_FAILED"/);
      assert.equal(ledger.unexpected, []);

      const refused = await failedStart(settings());
      assert.is(refused.status, 78, refused.stderr);
      assert.match(refused.stderr, /read-only/i);

      mount.unmount();
      mount = Mount.image(image);
      const again = await start(settings());
      const counted = await allCounts(again.url);
      assert.equal(ledger.wrong(counted), []);
      const { log } = (await (await fetch(`${again.url}/status`)).json()) as { log: { damage: unknown[] } };
      assert.equal(log.damage, []);
      assert.is((await ledger.hit(again.url, "page 0", payload)).outcome, "counted");
      await again.stop();
    } finally {
      mount.unmount();
    }
  },
);

test.run();
