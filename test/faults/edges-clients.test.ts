/** Clients that are slow, never end, or go away at any moment, beside one that works. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../projection/mongo/documents.js";
import { allCounts, LedgerClient } from "../support/ledger-client.js";
import { type ServerProcess, temporaryDirectory } from "../support/server-process.js";
import { trackedServers } from "../support/tracked-servers.js";

const start = trackedServers();
/** So little that what an aborted request left queued would soon refuse every hit. */
const settings = () => ({ WAL_DIR: `${temporaryDirectory()}/wal`, MAX_QUEUED_BYTES: "64KiB" });
const MEBIBYTE = 1024 * 1024;

async function open(server: ServerProcess): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** Resolves to the answer that a socket got before it was closed. */
async function answerOn(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

interface Status {
  readonly accepted: number;
  readonly log: { readonly end: number; readonly damage: readonly unknown[] };
  readonly projections: readonly { readonly checkpoint: number; readonly state: string }[];
}

/** All is as it should be after whatever clients did: nothing is stuck, and every figure agrees. */
async function sane(server: ServerProcess): Promise<void> {
  const ledger = new LedgerClient();
  const hit = await ledger.hit(server.url, "after", JSON.stringify({ text: "x".repeat(8000) }));
  assert.is(hit.outcome, "counted", hit.text);
  const bulk = await ledger.bulk(server.url, Array(100).fill("after"));
  assert.is(bulk.outcome, "counted", bulk.text);
  const counts = await allCounts(server.url);
  const { accepted, log, projections } = (await (await fetch(`${server.url}/status`)).json()) as Status;
  assert.is(
    [...counts.values()].reduce((sum, count) => sum + count, 0),
    accepted,
  );
  assert.is(log.end, accepted, "an offset for each hit of a first epoch");
  assert.equal(log.damage, []);
  assert.is(projections[0]?.checkpoint, log.end);
  assert.is(projections[0]?.state, "running");
}

test("1,000 sockets that send a byte now and then: a working client is never refused", async () => {
  const server = await start(settings());
  const slow = await Promise.all(Array.from({ length: 1000 }, () => open(server)));
  const starts = [
    "POST /hits/slow HTTP/1.1\r\nHost: x\r\nX-",
    "POST /hits/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{",
  ];
  for (const [index, socket] of slow.entries()) socket.write(starts[index % 2] ?? "");
  const begun = performance.now();
  const ledger = new LedgerClient();
  for (let round = 0; round < 10; round++) {
    for (const socket of slow) socket.write("a");
    await Promise.all(Array.from({ length: 20 }, () => ledger.hit(server.url, "fast")));
    await sleep(50);
  }
  assert.equal([...ledger.acknowledged], [["fast", 200]]);
  // A head may take 10 s.
  if (performance.now() - begun < 9000)
    assert.ok(
      slow.every((socket) => !socket.closed),
      "cut before their time",
    );
  for (const socket of slow) socket.destroy();
  await sane(server);
  assert.is((await allCounts(server.url)).get("slow"), undefined);
  assert.is((await server.stop()).status, 0);
});

test("bodies without an end: refused at the limit, and read no further", async () => {
  const server = await start(settings());
  const piece = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  const endless = async (target: string, type: string): Promise<{ answer: string; sent: number }> => {
    const socket = await open(server);
    const answer = answerOn(socket);
    socket.write(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    let sent = 0;
    for (; !socket.closed && sent < 200 * MEBIBYTE; sent += piece.length) {
      if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
    }
    socket.destroy();
    return { answer: await answer, sent };
  };
  const cases = [
    { target: "/hits/home", type: "application/json", limit: 16 * 1024 },
    { target: "/hits", type: "application/x-ndjson", limit: 8 * MEBIBYTE },
    { target: "/hits", type: "application/json", limit: 8 * MEBIBYTE },
  ];
  const ends = await Promise.all(
    [...cases, ...cases, ...cases].map(async ({ target, type, limit }) => ({
      ...(await endless(target, type)),
      limit,
    })),
  );
  for (const { answer, sent, limit } of ends) {
    // Where it still sends when the connection is cut, a client may miss the answer.
    if (answer !== "") assert.match(answer, /^HTTP\/1\.1 413 .*BODY_TOO_LARGE/s);
    // What comes after the limit, and fills buffers, is dropped for a while, so that the answer is not lost in a reset connection.
    assert.ok(sent < limit + 64 * MEBIBYTE, `${sent} bytes were taken in, where ${limit} is the limit`);
  }
  assert.ok(ends.some(({ answer }) => answer !== ""));
  await sane(server);
  assert.equal([...(await allCounts(server.url)).keys()], ["after"]);
  assert.is((await server.stop()).status, 0);
});

/** The text that is sent before the client disconnects, by counter, and how many hits it has if that is a whole request. */
const STAGES: Record<string, { text: string; hits: number }> = {
  connected: { text: "", hits: 0 },
  "request line": { text: "POST /hits/request%20line HTTP/1.1\r\n", hits: 0 },
  headers: { text: "POST /hits/headers HTTP/1.1\r\nHost: x\r\nContent-Le", hits: 0 },
  "before the body": {
    text: "POST /hits/before%20the%20body HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n",
    hits: 0,
  },
  body: {
    text: `POST /hits/body HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{"a":"${"x".repeat(4000)}`,
    hits: 0,
  },
  "before the answer": {
    text: `POST /hits/before%20the%20answer HTTP/1.1\r\nHost: x\r\nContent-Length: 4008\r\n\r\n{"a":"${"x".repeat(4000)}"}`,
    hits: 1,
  },
  "bulk body": {
    text: `POST /hits HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 8388608\r\n\r\n${'{"counter":"bulk body"}\n'.repeat(500)}`,
    hits: 0,
  },
  "after bulk": {
    text: `POST /hits HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 500\r\n\r\n${'{"counter":"after bulk"}\n'.repeat(20)}`,
    hits: 20,
  },
  events: { text: "GET /events?counter=after HTTP/1.1\r\nHost: x\r\n\r\n", hits: 0 },
};
const AT_ONCE = 40;
const ROUNDS = 4;

test("clients gone at every stage of a request: nothing counts but what was whole, and nothing is left over", async () => {
  const server = await start(settings());
  for (let round = 0; round < ROUNDS; round++) {
    for (const { text } of Object.values(STAGES)) {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, client) => {
          const socket = await open(server);
          if (text !== "") await new Promise((resolve) => socket.write(text, resolve));
          if (round % 2 === 1) await sleep(client % 8);
          // Half reset their connection, half close it in order.
          if (client % 2 === 0) socket.resetAndDestroy();
          else socket.destroy();
        }),
      );
    }
  }
  // A half-closed connection gets the reason for its refusal, and has a second for it, in which its 8 of 128 MiB are taken still.
  await eventually("bulk bodies are taken again", async () => {
    const { outcome, text } = await new LedgerClient().bulk(server.url, ["after"]);
    return outcome === "counted" || text;
  });
  await sane(server);
  const counts = await allCounts(server.url);
  for (const [stage, { hits }] of Object.entries(STAGES)) {
    const count = counts.get(stage) ?? 0;
    assert.ok(count <= hits * AT_ONCE * ROUNDS, `${stage}: ${count}`);
    if (hits > 0) assert.is(count % hits, 0, `${stage}: ${count}, all or none of each`);
  }
  // Each stream takes one of 1,000 until its client is gone.
  const streams = await Promise.all(Array.from({ length: 990 }, () => open(server)));
  for (const socket of streams) socket.write(STAGES["events"]?.text ?? "");
  await eventually("streams are free again", async () => {
    const response = await fetch(`${server.url}/events?counter=after`);
    await response.body?.cancel();
    return response.status === 200 || response.status;
  });
  for (const socket of streams) socket.resetAndDestroy();
  assert.is((await new LedgerClient().hit(server.url, "after")).outcome, "counted");
  assert.is((await server.stop()).status, 0);
});

test.run();
