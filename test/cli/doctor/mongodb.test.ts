/** The doctor's judgement of a MongoDB, and its queries. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Finding } from "../../../src/cli/doctor/check.js";
import { judgeMongo, type MongoAnswers } from "../../../src/cli/doctor/mongodb.js";
import { probeMongo } from "../../../src/cli/doctor/mongodb-probe.js";
import { FakeServer } from "../../support/mongodb/fake-server.js";

const READ_WRITE = { resource: { db: "hits", collection: "" }, actions: ["find", "insert", "update", "createIndex"] };
const USER = { authenticatedUsers: [{ user: "someone", db: "hits" }], authenticatedUserPrivileges: [READ_WRITE] };
const SET = { setName: "rs", isWritablePrimary: true, hosts: ["a:1", "b:1", "c:1"], maxWireVersion: 21 };
const SOUND: MongoAnswers = {
  hello: SET,
  database: "hits",
  aheadMs: 12,
  roundTripMs: 3,
  defaultWriteConcern: { w: 1, wtimeout: 0 },
  urlWriteConcern: undefined,
  authInfo: USER,
  readFailure: undefined,
};

function about(check: string, changed: Partial<MongoAnswers>): Finding | undefined {
  return judgeMongo({ ...SOUND, ...changed }).find((finding) => finding.check === check);
}

function isFinding(finding: Finding | undefined, level: Finding["level"], found: RegExp): void {
  assert.is(finding?.level, level, finding?.found);
  assert.match(finding?.found ?? "", found);
  assert.is(
    finding?.advice !== undefined,
    level === "warning" || level === "problem",
    "advice if something needs to be done",
  );
}

test("a sound replica set", () => {
  assert.equal(new Set(judgeMongo(SOUND).map(({ level }) => level)), new Set(["ok"]));
  isFinding(about("mongodb", {}), "ok", /replica set rs of 3 members.*answers in 3 ms, wire version 21/);
});

test("topologies", () => {
  isFinding(
    about("mongodb", { hello: { isWritablePrimary: true } }),
    "warning",
    /standalone.*one server is a majority/,
  );
  isFinding(about("mongodb", { hello: { ...SET, hosts: ["a:1"] } }), "note", /of one member.*one server is a majority/);
  isFinding(about("mongodb", { hello: { msg: "isdbgrid", isWritablePrimary: true } }), "ok", /sharded cluster/);
  isFinding(about("mongodb", { hello: { ...SET, isWritablePrimary: false } }), "problem", /not its primary/);
  isFinding(about("mongodb", { hello: { ...SET, readOnly: true } }), "problem", /read-only/);
});

test("write concerns: ours overrides any setting", () => {
  isFinding(about("write concern", {}), "ok", /default is \{"w":1,"wtimeout":0\}: regardless, .*"majority", j: true/);
  isFinding(about("write concern", { urlWriteConcern: "w=0" }), "ok", /MONGODB_URL has w=0/);
  isFinding(about("write concern", { defaultWriteConcern: undefined }), "ok", /not reported/);
});

test("privileges", () => {
  const without = (...missing: string[]) => {
    const actions = READ_WRITE.actions.filter((action) => !missing.includes(action));
    return { authInfo: { ...USER, authenticatedUserPrivileges: [{ ...READ_WRITE, actions }] } };
  };
  isFinding(
    about("privileges", without("update")),
    "problem",
    /may not update on hits.counters, update on hits.checkpoints$/,
  );
  isFinding(about("privileges", without("createIndex")), "problem", /may not createIndex on hits.counters$/);
  const elsewhere = {
    ...USER,
    authenticatedUserPrivileges: [{ ...READ_WRITE, resource: { db: "other", collection: "" } }],
  };
  isFinding(about("privileges", { authInfo: elsewhere }), "problem", /may not find on hits.counters/);
  for (const resource of [{ anyResource: true }, { db: "", collection: "" }]) {
    const authInfo = { ...USER, authenticatedUserPrivileges: [{ ...READ_WRITE, resource }] };
    isFinding(about("privileges", { authInfo }), "ok", /read and written/);
  }
  const nobody = { authenticatedUsers: [], authenticatedUserPrivileges: [] };
  isFinding(about("privileges", { authInfo: nobody }), "note", /no user and password/);
  isFinding(
    about("privileges", { readFailure: "not authorized" }),
    "problem",
    /cannot read hits.counters: not authorized/,
  );
  isFinding(about("privileges", { authInfo: undefined }), "note", /not reported/);
});

test("clocks", () => {
  isFinding(about("mongodb clock", { aheadMs: 61_000 }), "warning", /61.0 s ahead/);
  isFinding(about("mongodb clock", { aheadMs: -5000 }), "warning", /5.0 s behind/);
  isFinding(about("mongodb clock", { aheadMs: 4999 }), "ok", /within 5.0 s/);
});

test("a server is queried, and nothing is written", async () => {
  const mongo = await FakeServer.open();
  const sent: string[] = [];
  mongo.hello = { localTime: new Date(Date.now() + 3_600_000) };
  mongo.behaviour = ({ command, body }, normal) => {
    sent.push(command);
    if (command === "find") assert.equal(body["readConcern"], { level: "majority" });
    return command === "getdefaultrwconcern" ? { ok: 1, defaultWriteConcern: { w: 1 } } : normal();
  };
  try {
    const facts = await probeMongo({ url: `${mongo.url}&w=1`, database: undefined, maxOps: 1 });
    const findings = new Map(judgeMongo(facts).map((finding) => [finding.check, finding]));
    isFinding(findings.get("mongodb"), "warning", /standalone.*wire version 21/);
    isFinding(findings.get("write concern"), "ok", /\{"w":1\}, MONGODB_URL has w=1/);
    isFinding(findings.get("privileges"), "note", /no user/);
    isFinding(findings.get("mongodb clock"), "warning", /(3600|3599|359[5-9])\.\d s ahead/);
    const writes = sent.filter((command) => /update|insert|delete|create|drop/.test(command));
    assert.equal(writes, []);
  } finally {
    await mongo.close();
  }
});

test("dead, silent and refusing servers: reported within ten seconds, without the password", async () => {
  const mongo = await FakeServer.open();
  const look = (port: number) =>
    probeMongo({ url: `mongodb://someone:secret@127.0.0.1:${port}/?directConnection=true`, database: "x", maxOps: 1 });
  const started = performance.now();
  try {
    mongo.behaviour = ({ command }, normal) =>
      command.startsWith("sasl") ? { ok: 0, code: 18, errmsg: "Authentication failed." } : normal();
    const refused = judgeMongo(await look(mongo.port));
    isFinding(refused[0], "problem", /^Authentication failed/);
    assert.match(refused[0]?.advice ?? "", /password/);
    mongo.behaviour = () => undefined;
    const silent = judgeMongo(await look(mongo.port));
    isFinding(silent[0], "problem", /timed out|timeout|no answer/);
    await mongo.close();
    const dead = judgeMongo(await look(mongo.port));
    isFinding(dead[0], "problem", /ECONNREFUSED/);
    assert.match(dead[0]?.advice ?? "", /runs/);
    assert.not.match(JSON.stringify([refused, silent, dead]), /secret/);
    assert.ok(performance.now() - started < 3 * 10_000);
  } finally {
    await mongo.close();
  }
});

test.run();
