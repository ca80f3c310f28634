import type { Finding } from "./check.js";

/** The facts about a MongoDB. */
export type MongoFacts = MongoAnswers | { readonly failure: string };

export interface MongoAnswers {
  readonly hello: Readonly<Record<string, unknown>>;
  readonly database: string;
  /** The lead of its clock over ours, and the round trip, in milliseconds. */
  readonly aheadMs: number | undefined;
  readonly roundTripMs: number;
  /** The cluster's default, if it is reported. */
  readonly defaultWriteConcern: Readonly<Record<string, unknown>> | undefined;
  /** The write concern in MONGODB_URL, as `w=1`. */
  readonly urlWriteConcern: string | undefined;
  readonly authInfo: AuthInfo | undefined;
  /** The reason that `counters` could not be read; undefined if it could. */
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

const COLLECTIONS = ["counters", "checkpoints"] as const;
const NEEDED = {
  counters: ["find", "insert", "update", "createIndex"],
  checkpoints: ["find", "insert", "update"],
} as const;
const SKEW_MS = 5000;

export function judgeMongo(facts: MongoFacts): Finding[] {
  if ("failure" in facts) {
    const denied = /auth|credential/i.test(facts.failure);
    return [
      {
        check: "mongodb",
        level: "problem",
        found: `${facts.failure}. Hits are accepted nevertheless, and projected once it answers`,
        advice: denied
          ? "check user, password and authSource in MONGODB_URL"
          : "check that it runs, and address, port and TLS in MONGODB_URL",
      },
    ];
  }
  return [topology(facts), writeConcern(facts), privileges(facts), skew(facts)];
}

function topology({ hello, roundTripMs }: MongoAnswers): Finding {
  const check = "mongodb";
  const about = `it answers in ${roundTripMs} ms, wire version ${String(hello["maxWireVersion"])}`;
  const single =
    "one server is a majority here: writes that it loses or rolls back, the projection repeats from the log";
  if (hello["readOnly"] === true) {
    return {
      check,
      level: "problem",
      found: `it is read-only (${about})`,
      advice: "name a writable one in MONGODB_URL",
    };
  }
  if (hello["msg"] === "isdbgrid") return { check, level: "ok", found: `a sharded cluster; ${about}` };
  if (typeof hello["setName"] !== "string") {
    return {
      check,
      level: "warning",
      found: `a standalone server; ${about}. ${single}`,
      advice: "use a replica set of three if the counts in MongoDB matter",
    };
  }
  const set = `replica set ${hello["setName"]}`;
  if (hello["isWritablePrimary"] !== true) {
    const found = `${set}: the server in MONGODB_URL is not its primary; ${about}`;
    return { check, level: "problem", found, advice: "remove directConnection from MONGODB_URL, or name the primary" };
  }
  const members = Array.isArray(hello["hosts"]) ? hello["hosts"].length : 1;
  if (members === 1) return { check, level: "note", found: `${set} of one member; ${about}. ${single}` };
  return { check, level: "ok", found: `${set} of ${members} members with data; ${about}` };
}

function writeConcern({ defaultWriteConcern, urlWriteConcern }: MongoAnswers): Finding {
  const ours = 'durable-hits writes with { w: "majority", j: true }';
  const theirs = [
    defaultWriteConcern === undefined
      ? "its default is not reported"
      : `its default is ${JSON.stringify(defaultWriteConcern)}`,
    urlWriteConcern === undefined ? [] : `MONGODB_URL has ${urlWriteConcern}`,
  ].flat();
  return { check: "write concern", level: "ok", found: `${theirs.join(", ")}: regardless, ${ours}` };
}

function privileges({ authInfo, database, readFailure }: MongoAnswers): Finding {
  const check = "privileges";
  const advice = `grant the user of MONGODB_URL the role readWrite on ${database}`;
  if (readFailure !== undefined) {
    return { check, level: "problem", found: `cannot read ${database}.counters: ${readFailure}`, advice };
  }
  if (authInfo === undefined) {
    return { check, level: "note", found: `${database}.counters can be read; the right to write is not reported` };
  }
  // Nobody is signed in, and it can be read nevertheless: it has no access control.
  if (authInfo.authenticatedUsers.length === 0) {
    return {
      check,
      level: "note",
      found: "it requires no user and password: anyone who can connect can change the counts",
    };
  }
  const missing = COLLECTIONS.flatMap((collection) =>
    NEEDED[collection]
      .filter((action) => !isGranted(authInfo.authenticatedUserPrivileges, { database, collection, action }))
      .map((action) => `${action} on ${database}.${collection}`),
  );
  if (missing.length === 0) return { check, level: "ok", found: `${database} can be read and written` };
  return { check, level: "problem", found: `this user may not ${missing.join(", ")}`, advice };
}

interface Right {
  readonly database: string;
  readonly collection: string;
  readonly action: string;
}

function isGranted(privileges: readonly Privilege[], { database, collection, action }: Right): boolean {
  return privileges.some(({ resource, actions }) => {
    const covers =
      resource.anyResource === true ||
      ((resource.db === database || resource.db === "") &&
        (resource.collection === collection || resource.collection === ""));
    return covers && actions.includes(action);
  });
}

function skew({ aheadMs }: MongoAnswers): Finding {
  const check = "mongodb clock";
  if (aheadMs === undefined) return { check, level: "note", found: "it does not report its time" };
  const seconds = `${(Math.abs(aheadMs) / 1000).toFixed(1)} s`;
  if (Math.abs(aheadMs) < SKEW_MS) return { check, level: "ok", found: `within ${seconds} of this one` };
  return {
    check,
    level: "warning",
    found: `${seconds} ${aheadMs > 0 ? "ahead of" : "behind"} this one: updatedAt there and times in the log disagree; counts don't`,
    advice: "synchronize both clocks by NTP",
  };
}
