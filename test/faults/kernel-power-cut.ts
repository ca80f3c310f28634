/**
 * Power cuts: the log is on an ext4 whose image is a file of another ext4. That one is frozen and the image copied while
 * the server writes: what the device had at that moment, and nothing of the page cache. Each copy is mounted (its journal is
 * replayed) and started from.
 */
import { rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allCounts } from "../support/ledger-client.js";
import { Load } from "../support/load.js";
import { canMountImages, Mount } from "../support/mounts.js";
import { temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const MEBIBYTE = 1024 * 1024;

/** Declares the test with so many cuts; skipped where no ext4 can be mounted and frozen. */
export async function powerCutTest(cuts: number): Promise<void> {
  const start = trackedServers();
  const possible = await canMountImages();
  if (!possible) console.log("SKIP power cuts: this user can't mount and freeze ext4 images");
  const declare = possible ? test : test.skip;
  declare(`${cuts} power cuts under load: every copy holds what was acknowledged before`, async () => {
    const outer = Mount.ext4(path.join(temporaryDirectory(), "outer"), 128 * MEBIBYTE);
    const image = path.join(outer.directory, "inner");
    const copy = path.join(temporaryDirectory(), "copy");
    const mounts = [outer];
    try {
      const inner = Mount.ext4(image, 48 * MEBIBYTE);
      mounts.push(inner);
      const settings = { WAL_SEGMENT_BYTES: "64KiB", WAL_RETENTION_BYTES: "16MiB" };
      const server = await start({ ...settings, WAL_DIR: path.join(inner.directory, "wal") });
      const load = new Load(server.url, { clients: 6, payload: '{"path":"/"}', bulkEvery: 5 });
      let counted = 0;
      for (let cut = 1; cut <= cuts; cut++) {
        await sleep(40 + ((cut * 37) % 100));
        const least = new Map(load.ledger.acknowledged);
        await outer.copyFrozen(image, copy);
        const most = new Map(load.begun);

        const mount = Mount.image(copy);
        mounts.push(mount);
        const again = await start({ ...settings, WAL_DIR: path.join(mount.directory, "wal") });
        const counts = await allCounts(again.url);
        const wrong = [...most].flatMap(([counter, begun]) => {
          const [low, count] = [least.get(counter) ?? 0, counts.get(counter) ?? 0];
          return count >= low && count <= begun ? [] : [`${counter}: ${count} counted, ${low} to ${begun} expected`];
        });
        assert.equal(wrong, [], `cut ${cut}`);
        const { log } = (await (await fetch(`${again.url}/status`)).json()) as { log: { damage: unknown[] } };
        assert.equal(log.damage, [], `cut ${cut}`);
        assert.is((await fetch(`${again.url}/hits/after`, { method: "POST" })).status, 202);
        await again.kill();
        const second = await start({ ...settings, WAL_DIR: path.join(mount.directory, "wal") });
        assert.equal(await allCounts(second.url), new Map([["after", 1], ...counts]), `cut ${cut}, started twice`);
        await second.kill();
        mount.unmount();
        rmSync(copy);
        counted = [...least.values()].reduce((sum, count) => sum + count, 0);
      }
      await load.stop();
      assert.equal(load.ledger.unexpected, []);
      assert.equal(load.ledger.wrong(await allCounts(server.url)), [], "the server that kept running");
      assert.ok(counted > 80 * cuts, `only ${counted} hits before the last cut: this proved little`);
      assert.is((await server.stop()).status, 0);
    } finally {
      for (const mount of mounts.toReversed()) mount.unmount();
    }
  });
}
