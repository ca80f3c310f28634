import type { Finding } from "./finding.js";

/** What a MongoDB has told of itself. */
export type MongoFacts = MongoAnswers | { readonly failure: string };

export interface MongoAnswers {
  readonly hello: Readonly<Record<string, unknown>>;
  readonly database: string;
  /** How far its clock is ahead of ours, and the time that asking took, in milliseconds. */
  readonly aheadMs: number | undefined;
  readonly roundTripMs: number;
  /** Of the cluster, where it is told. */
  readonly defaultWriteConcern: Readonly<Record<string, unknown>> | undefined;
  /** What MONGODB_URL says of it, as `w=1`. */
  readonly urlWriteConcern: string | undefined;
  readonly authInfo: AuthInfo | undefined;
  /** Why `counters` could not be read; undefined where it could. */
  readonly readFailure: string | undefined;
}

interface AuthInfo {
  readonly authenticatedUsers: readonly unknown[];
  readonly authenticatedUserPrivileges: readonly Privilege[];
}

interface Privilege {
  readonly resource: { readonly db?: string; readonly collection?: string; readonly anyResource?: boolean };
  readonly actions: readonly string[];
}

const NEEDED = ["find", "insert", "update", "createIndex"];
const COLLECTIONS = ["counters", "checkpoints"];
const SKEW_MS = 5000;

export function judgeMongo(facts: MongoFacts): Finding[] {
  if ("failure" in facts) {
    const denied = /auth|credential/i.test(facts.failure);
    return [
      {
        check: "mongodb",
        level: "problem",
        found: `${facts.failure}. Hits are taken all the same, and projected once it answers`,
        advice: denied
          ? "see that user, password and authSource in MONGODB_URL are right"
          : "see that it runs, and that address, port and TLS in MONGODB_URL are right",
      },
    ];
  }
  return [topology(facts), writeConcern(facts), privileges(facts), skew(facts)];
}

function topology({ hello, roundTripMs }: MongoAnswers): Finding {
  const check = "mongodb";
  const about = `it answers in ${roundTripMs} ms, wire version ${String(hello["maxWireVersion"])}`;
  const single = "a majority is one here: what it loses or takes back, the projection puts in again from the log";
  if (hello["readOnly"] === true) {
    return { check, level: "problem", found: `it is read-only (${about})`, advice: "name one that takes writes" };
  }
  if (hello["msg"] === "isdbgrid") return { check, level: "ok", found: `a sharded cluster; ${about}` };
  if (typeof hello["setName"] !== "string") {
    return {
      check,
      level: "warning",
      found: `a standalone server; ${about}. ${single}`,
      advice: "where the counts in MongoDB matter, use a replica set of three",
    };
  }
  const set = `replica set ${hello["setName"]}`;
  if (hello["isWritablePrimary"] !== true) {
    const found = `${set}: the server in MONGODB_URL is not its primary; ${about}`;
    return { check, level: "problem", found, advice: "take directConnection out of MONGODB_URL, or name the primary" };
  }
  const members = Array.isArray(hello["hosts"]) ? hello["hosts"].length : 1;
  if (members === 1) return { check, level: "note", found: `${set} of one member; ${about}. ${single}` };
  return { check, level: "ok", found: `${set} of ${members} members with data; ${about}` };
}

function writeConcern({ defaultWriteConcern, urlWriteConcern }: MongoAnswers): Finding {
  const ours = 'durable-hits writes with { w: "majority", j: true }';
  const theirs = [
    defaultWriteConcern === undefined
      ? "its default is not told"
      : `its default is ${JSON.stringify(defaultWriteConcern)}`,
    urlWriteConcern === undefined ? [] : `MONGODB_URL says ${urlWriteConcern}`,
  ].flat();
  return { check: "write concern", level: "ok", found: `${theirs.join(", ")}: either way, ${ours}` };
}

function privileges({ authInfo, database, readFailure }: MongoAnswers): Finding {
  const check = "privileges";
  const advice = `grant the user of MONGODB_URL the role readWrite on ${database}`;
  if (readFailure !== undefined) {
    return { check, level: "problem", found: `${database}.counters can't be read: ${readFailure}`, advice };
  }
  if (authInfo === undefined) {
    return { check, level: "note", found: `${database}.counters can be read; whether it may be written is not told` };
  }
  // Nobody is signed in, and it can be read all the same: it asks nobody.
  if (authInfo.authenticatedUsers.length === 0) {
    return {
      check,
      level: "note",
      found: "it asks for no user and password: whoever reaches it can change the counts",
    };
  }
  const missing = COLLECTIONS.flatMap((collection) =>
    NEEDED.filter((action) => !grants(authInfo.authenticatedUserPrivileges, database, collection, action)).map(
      (action) => `${action} on ${database}.${collection}`,
    ),
  ).filter((what) => what !== `createIndex on ${database}.checkpoints`);
  if (missing.length === 0) return { check, level: "ok", found: `${database} may be read and written` };
  return { check, level: "problem", found: `this user may not ${missing.join(", ")}`, advice };
}

function grants(all: readonly Privilege[], database: string, collection: string, action: string): boolean {
  return all.some(({ resource, actions }) => {
    const covers =
      resource.anyResource === true ||
      ((resource.db === database || resource.db === "") &&
        (resource.collection === collection || resource.collection === ""));
    return covers && actions.includes(action);
  });
}

function skew({ aheadMs }: MongoAnswers): Finding {
  const check = "mongodb clock";
  if (aheadMs === undefined) return { check, level: "note", found: "it does not tell its time" };
  const seconds = `${(Math.abs(aheadMs) / 1000).toFixed(1)} s`;
  if (Math.abs(aheadMs) < SKEW_MS) return { check, level: "ok", found: `within ${seconds} of this one` };
  return {
    check,
    level: "warning",
    found: `${seconds} ${aheadMs > 0 ? "ahead of" : "behind"} this one: updatedAt there and times in the log disagree; counts don't`,
    advice: "have both clocks kept by NTP",
  };
}
