import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FairShare } from "../../../src/http/access/fair-share.js";
import { ArrivingBody } from "../../../src/http/hits/arriving-body.js";
import { BLOCK_BYTES, BlockPool } from "../../../src/http/hits/block-pool.js";
import { type Running, withServer } from "../harness.js";

const CLIENT = { key: 1, standing: "stranger" } as const;

test("a block is used again, and never twice at once", () => {
  const pool = new BlockPool();
  const first = pool.take();
  assert.is.not(pool.take(), first);
  pool.give(first);
  assert.is(pool.take(), first);
  assert.is.not(pool.take(), first);
});

test("at most 16 MiB of blocks are kept", () => {
  const pool = new BlockPool();
  const given = Array.from({ length: 100 }, () => pool.take());
  for (const block of given) pool.give(block);
  const kept = Array.from({ length: 100 }, () => pool.take()).filter((block) => given.includes(block));
  assert.is(kept.length, 64);
});

test("a body is its chunks, and holds not much more than its bytes", () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 70_000 }));
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 20 }), fc.boolean(), fc.boolean(), (lengths, isAnnounced, hasRoom) => {
      const share = new FairShare({ capacity: 1e9, reserve: 0 });
      const whole = Buffer.from(
        Array.from({ length: lengths.reduce((sum, one) => sum + one, 0) }, (_, i) => (i * 7) % 251),
      );
      const expected = isAnnounced ? whole.length : 8 * 1024 * 1024;
      const body = new ArrivingBody({ client: CLIENT, expected, share, pool: new BlockPool() });
      let at = 0;
      for (const length of lengths) {
        assert.ok(body.add(whole.subarray(at, at + length)));
        at += length;
        const isCharged = at > 16 * 1024 || at !== expected || lengths.length > 1;
        assert.ok((share.held >= at || !isCharged) && share.held <= Math.max(2 * at + 1024, at + BLOCK_BYTES));
      }
      const bytes = body.inOnePiece(hasRoom ? Buffer.alloc(2_000_000) : undefined);
      assert.ok(bytes.equals(whole));
      body.release();
      assert.is(share.held, 0);
    }),
    { numRuns: 200 },
  );
});

function send({ url }: Running, body: string): Promise<Response> {
  return fetch(`${url}/hits`, { method: "POST", body, headers: { "content-type": "text/plain" } });
}

test("large bodies at once and after each other keep apart", () =>
  withServer(async (running) => {
    const sizes = [9000, 5000, 20_000, 9000, 40_000];
    const expected: Record<string, number> = {};
    for (let round = 0; round < 3; round++) {
      const sent = sizes.map(async (lines, i) => {
        const counter = `${round}-${i}`;
        expected[counter] = lines;
        assert.is((await send(running, `{"counter":"${counter}"}\n`.repeat(lines))).status, 202);
      });
      await Promise.all(sent);
    }
    const counted: Record<string, number> = {};
    for (const { counter } of running.services.hits) counted[counter] = (counted[counter] ?? 0) + 1;
    assert.equal(counted, expected);
  }));

test.run();
