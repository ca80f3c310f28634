/** A client that opens all it can and reads nothing, on a real server with a small heap, beside one that works. */
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bulk } from "../support/hostile.js";
import { Probe } from "../support/probe.js";
import { memoryOf } from "../support/process-memory.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const start = trackedServers();
const settings = () => ({ WAL_DIR: `${temporaryDirectory()}/wal`, NODE_OPTIONS: "--max-old-space-size=256" });
/** The address that the hostile client connects from. */
const HOSTILE = "127.0.0.2";
const LIST = "GET /counters?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
const MAX_MEGABYTES = 400;

/** Opens connections that send a text and read nothing; resolves once all are open, or closed again. */
async function open({ url }: ServerProcess, count: number, text: string): Promise<Socket[]> {
  const port = Number(new URL(url).port);
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect({ port, host: "127.0.0.1", localAddress: HOSTILE });
    sockets.push(socket.pause().on("error", () => undefined));
    await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
    socket.write(text);
  }
  return sockets;
}

/** Everything still works for another client. */
async function works({ url }: ServerProcess): Promise<void> {
  assert.is((await fetch(`${url}/healthz`)).status, 200);
  assert.is((await fetch(`${url}/hits/after`, { method: "POST" })).status, 202);
  const { counters } = (await (await fetch(`${url}/counters?limit=1000`)).json()) as { counters: unknown[] };
  assert.ok(counters.length > 0);
  const end = new AbortController();
  assert.is((await fetch(`${url}/events?counter=after`, { signal: end.signal })).status, 200);
  end.abort();
}

/** Puts a load on a server while a working client is served without an error, and looks at it after that. */
async function withstand(load: (server: ServerProcess) => Promise<Socket[]>): Promise<void> {
  const server = await start(settings());
  const lines = Array.from({ length: 1000 }, (_, i) => `{"counter":"${"x".repeat(1000)}${i}"}\n`);
  assert.is(await bulk(server.url, lines.join(""), "application/x-ndjson"), 202);
  const probe = new Probe(`${server.url}/hits/probe`);
  const sockets = await load(server);
  await works(server);
  const probed = await probe.stop();
  assert.ok(probed.count > 0);
  assert.is(probed.errors, 0);
  const { peak } = memoryOf(server.child.pid);
  assert.ok(!(peak > MAX_MEGABYTES), `${peak} MB`);
  for (const socket of sockets) socket.destroy();
  assert.is((await server.stop()).status, 0);
}

/** Resolves once a list that the hostile client asks for has come: those that it has asked for before have been made. */
async function readList({ url }: ServerProcess): Promise<void> {
  const options = { localAddress: HOSTILE, agent: new Agent() };
  await new Promise((resolve) =>
    request(`${url}/counters?limit=1000`, options, (res) => res.resume().once("close", resolve))
      .once("error", resolve)
      .end(),
  );
}

test("connections that ask for lists and read none", () =>
  withstand(async (server) => {
    const sockets = await open(server, 600, LIST.repeat(4));
    // The buffers of the network take some.
    for (let round = 0; round < 6; round++) await readList(server);
    return sockets;
  }));

test("a thousand connections that pipeline hits with long heads", () =>
  withstand((server) => {
    const hit = `POST /hits/home HTTP/1.1\r\nHost: localhost\r\nX-Long: ${"y".repeat(10_000)}\r\n\r\n`;
    return open(server, 1000, hit.repeat(50));
  }));

test("more event streams than there may be", () =>
  withstand((server) => open(server, 1100, "GET /events?counter=home HTTP/1.1\r\nHost: localhost\r\n\r\n")));

const { open_files: files } = (process.report?.getReport() as { userLimits?: { open_files?: { soft: unknown } } })
  ?.userLimits ?? { open_files: undefined };
const soft = files?.soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(files?.soft);
const hasFiles = !(soft < 12_000);
if (!hasFiles) console.log(`SKIP more connections than there may be: this user may open ${soft} files`);
(hasFiles ? test : test.skip)("more connections than there may be", () =>
  withstand((server) => open(server, 10_500, "")),
);

test.run();
