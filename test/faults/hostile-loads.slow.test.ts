/** Each load that a hostile client can put on a server, on a real one with a small heap, beside a client that works. */
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hostileLoads } from "../support/hostile.js";
import { Probe } from "../support/probe.js";
import { memoryOf } from "../support/process-memory.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const start = trackedServers();
const HEAP = { NODE_OPTIONS: "--max-old-space-size=512" };
const MAX_MEGABYTES = 700;
const SECONDS = 4;
/** For the request that a load has under way when it is ended. */
const END_MS = 20_000;

async function counts({ url }: ServerProcess): Promise<string> {
  return JSON.stringify(
    await Promise.all(
      ["home", "probe"].map(async (counter) => {
        const { count } = (await (await fetch(`${url}/counters/${counter}`)).json()) as { count: number };
        return { counter, count };
      }),
    ),
  );
}

for (const { name, environment, run } of hostileLoads) {
  test(`${name}: others are answered meanwhile, memory stays bounded, and a restart has all counts`, async () => {
    const settings = { ...HEAP, ...environment, WAL_DIR: `${temporaryDirectory()}/wal` };
    const server = await start(settings);
    const probe = new Probe(`${server.url}/hits/probe`);
    const end = new AbortController();
    const load = run(server.url, end.signal);
    await sleep(SECONDS * 1000);
    const probed = await probe.stop();
    end.abort();
    await Promise.race([load, sleep(END_MS, undefined, { ref: false })]);
    const { peak } = memoryOf(server.child.pid);
    console.log(
      `NOTE ${name}: ${probed.count} hits beside it, the slowest ${Math.round(probed.slowestMs)} ms; peak ${peak} MB`,
    );
    assert.ok(probed.count > 0);
    assert.is(probed.errors, 0);
    assert.ok(!(peak > MAX_MEGABYTES), `${peak} MB`);
    const before = await counts(server);
    assert.is((await server.stop()).status, 0);
    const again = await start(settings);
    assert.is(await counts(again), before);
    assert.is((await again.stop()).status, 0);
  });
}

test.run();
