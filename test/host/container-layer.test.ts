import { mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { warnOfContainerLayer } from "../../src/host/container-layer.js";
import { FakeLogger } from "../http/fake-services.js";
import { canMount, Mount } from "../support/mounts.js";

const MOUNTS = `21 1 0:30 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
22 21 0:31 / /proc rw - proc proc rw
23 21 8:1 /volumes/hits /data rw,relatime - ext4 /dev/sda1 rw
24 21 0:32 / /old rw - aufs none rw
`;

function warnings(directory: string, mountinfo?: string): string[] {
  const logger = new FakeLogger();
  warnOfContainerLayer(directory, logger, mountinfo);
  return logger.lines.map(({ level, message }) => `${level}: ${message}`);
}

test("a log on a container's own layer is warned of, one on a volume is not", () => {
  for (const directory of ["/app/wal", "/database", "/old/wal"]) {
    const [line, ...more] = warnings(directory, MOUNTS);
    assert.match(line ?? "", /^warn: .*are lost with the container\. Put WAL_DIR on a volume, as in docker run -v /);
    assert.equal(more, []);
  }
  assert.equal(warnings("/data/wal", MOUNTS), []);
  assert.equal(warnings("/data", MOUNTS), []);
  assert.equal(warnings("/data/wal", ""), [], "where nothing is known nothing is said");
});

const mayMount = canMount();
if (!mayMount) console.log("SKIP a real overlay: this user can't mount one");

(mayMount ? test : test.skip)("a real overlay is warned of, and what it is mounted on is not", () => {
  // Its upper directory may not lie on an overlay, which the temporary directory may.
  const disk = Mount.tmpfs("size=1m");
  let overlay: Mount | undefined;
  try {
    const [lower = "", upper = "", work = ""] = ["lower", "upper", "work"].map((name) => {
      mkdirSync(path.join(disk.directory, name));
      return path.join(disk.directory, name);
    });
    overlay = Mount.overlay(lower, upper, work);
    assert.is(warnings(path.join(overlay.directory, "wal")).length, 1);
    assert.equal(warnings(path.join(disk.directory, "wal")), []);
  } finally {
    overlay?.unmount();
    disk.unmount();
  }
});

test.run();
