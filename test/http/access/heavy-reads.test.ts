import type { ServerResponse } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HeavyReads } from "../../../src/http/access/heavy-reads.js";
import { Turns } from "../../../src/http/access/turns.js";
import { ClientGone } from "../../../src/http/answer.js";
import type { Client } from "../../../src/model/access.js";

const client: Client = { key: 1, standing: "stranger" };
const other: Client = { key: 3, standing: "stranger" };
const operator: Client = { key: 2, standing: "operator" };
const open = { destroyed: false } as ServerResponse;
const closed = { destroyed: true } as ServerResponse;

test("answers that wait for something are made one at a time, each in a turn of its own; those of clients that have used less come first", async () => {
  const reads = new HeavyReads(new Turns());
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const made: Client[] = [];
  const turns = new Set<number>();
  let atOnce = 0;
  const make = async (one: Client) => {
    assert.is(++atOnce, 1);
    // All of them wait for the same.
    await Promise.resolve();
    made.push(one);
    turns.add(turn);
    atOnce--;
  };
  const clients = [...Array.from({ length: 9 }, () => client), other, operator];
  await Promise.all(clients.map((one) => reads.inLane(one, open, () => make(one))));
  isOver = true;
  assert.is(made.length, 11);
  assert.is(made.indexOf(operator), 1);
  assert.is(made.indexOf(other), 2);
  assert.is(turns.size, 11);
});

test("no answer is made for a client that is gone, and its place is free", async () => {
  const reads = new HeavyReads(new Turns());
  const make = async () => assert.unreachable();
  const results = await Promise.allSettled([reads.inLane(client, closed, make), reads.inLane(client, closed, make)]);
  for (const result of results) assert.ok(result.status === "rejected" && result.reason instanceof ClientGone);
  let isMade = false;
  await reads.inLane(client, open, async () => {
    isMade = true;
  });
  assert.ok(isMade);
});

test.run();
