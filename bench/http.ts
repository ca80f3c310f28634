import { type Entrant, type Field, KOA_ROUTER, NODE_HTTP, openField } from "./contestants.js";
import { type Load, loadGenerator, post } from "./load.js";
import type { Options } from "./options.js";
import { leaveOut, record } from "./results.js";
import type { Contestant } from "./server.js";
import { shuffled } from "./shuffled.js";
import { formatSpread, grouped, median, printTable, ratio, type Spread, spreadOf } from "./table.js";

/** The load on the contestants. */
interface Setting {
  readonly connections: number;
  readonly counters: number;
}

/** A row of the results. */
export interface HttpRow extends Setting {
  readonly contestant: string;
  /** Where a hit is stored when it is answered. */
  readonly keeps: Entrant["keeps"];
  readonly answersPerSecond: Spread;
  /** Ratio within a round. */
  readonly toKoaRouter: Spread;
  readonly toNodeHttp: Spread;
  /** The median of the rounds. */
  readonly p99Milliseconds: number;
  /** The maximum of all rounds. */
  readonly maxMilliseconds: number;
  readonly errors: number;
}

/** Measures `POST /hits/:counter` on all contestants, from those that store nothing to those that wait for a database. */
export async function benchHttp(options: Options): Promise<void> {
  const field = await openField();
  try {
    for (const { what, why } of field.leftOut) leaveOut("http", what, why);
    const entrants = await workingOf(select(field, options.contestants));
    const { rounds, seconds, warmUpSeconds } = options;
    record("http", [], { ...field.facts, loadGenerator, rounds, seconds, warmUpSeconds });
    console.log(
      `${rounds} rounds of ${seconds} s each, by ${loadGenerator}; in each, contestants run in a new order, as new processes, and are ` +
        `warmed up for ${warmUpSeconds} s; medians (min–max), and ratios of the same round\n`,
    );
    for (const counters of options.counters) {
      for (const connections of options.connections) {
        const rows = await compare(entrants, { connections, counters }, options);
        record("http", rows);
        print(rows);
      }
    }
  } finally {
    await field.close();
  }
}

/** Includes the two references of all ratios. */
function select(field: Field, words: readonly string[]): readonly Entrant[] {
  if (words.length === 0) return field.entrants;
  return field.entrants.filter(
    ({ name }) => name === NODE_HTTP || name === KOA_ROUTER || words.some((word) => name.includes(word)),
  );
}

/** Returns those that start, and answer as all should. */
async function workingOf(entrants: readonly Entrant[]): Promise<readonly Entrant[]> {
  const working: Entrant[] = [];
  for (const entrant of entrants) {
    try {
      const server = await entrant.start();
      try {
        await checkAnswers(server);
        working.push(entrant);
      } finally {
        await server.stop();
      }
    } catch (error) {
      leaveOut("http", entrant.name, error instanceof Error ? error.message : String(error));
    }
  }
  return working;
}

async function checkAnswers({ url }: Contestant): Promise<void> {
  for (const count of [1, 2]) {
    const response = await fetch(`${url}/hits/${encodeURIComponent("/a page")}`, { method: "POST" });
    const text = await response.text();
    const expected = JSON.stringify({ counter: "/a page", offset: count - 1, count });
    if (response.status !== 202 || text !== expected)
      throw new Error(`it answers ${response.status} ${text} instead of 202 ${expected}`);
  }
}

async function compare(entrants: readonly Entrant[], setting: Setting, options: Options): Promise<HttpRow[]> {
  const loads = new Map<string, Load[]>(entrants.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const entrant of shuffled(entrants)) loads.get(entrant.name)?.push(await measure(entrant, setting, options));
  }
  const ratesOf = (name: string) => (loads.get(name) ?? []).map((load) => load.requestsPerSecond);
  const against = (name: string, other: string) => {
    const others = ratesOf(other);
    return spreadOf(ratesOf(name).map((rate, round) => rate / (others[round] ?? Number.NaN)));
  };
  return entrants.map(({ name, keeps }) => {
    const own = loads.get(name) ?? [];
    return {
      contestant: name,
      keeps,
      ...setting,
      answersPerSecond: spreadOf(ratesOf(name)),
      toKoaRouter: against(name, KOA_ROUTER),
      toNodeHttp: against(name, NODE_HTTP),
      p99Milliseconds: median(own.map((load) => load.p99Milliseconds)),
      maxMilliseconds: Math.max(...own.map((load) => load.maxMilliseconds)),
      errors: own.reduce((sum, load) => sum + load.errors, 0),
    };
  });
}

/** Starts a new process each time: how V8 happens to compile it makes a fifth of its speed. */
async function measure(entrant: Entrant, { connections, counters }: Setting, options: Options): Promise<Load> {
  const server = await entrant.start();
  try {
    const target =
      counters === 1
        ? { url: `${server.url}/hits/home` }
        : { url: server.url, paths: Array.from({ length: counters }, (_, i) => `/hits/page-${i}`) };
    await post({ ...target, connections, seconds: options.warmUpSeconds });
    await entrant.begin?.(server);
    try {
      return await post({ ...target, connections, seconds: options.seconds });
    } finally {
      entrant.end?.();
    }
  } finally {
    await server.stop();
  }
}

function print(rows: readonly HttpRow[]): void {
  const [{ connections, counters } = { connections: 0, counters: 0 }] = rows;
  console.log(
    `${connections} ${connections === 1 ? "connection" : "connections"}, ${grouped(counters)} ${counters === 1 ? "counter" : "counters"}`,
  );
  printTable(
    ["contestant", "answers/s", `to ${KOA_ROUTER}`, `to ${NODE_HTTP}`, "p99 ms", "max ms", "errors"],
    rows.map((row) => [
      row.contestant,
      formatSpread(row.answersPerSecond, grouped),
      formatSpread(row.toKoaRouter, ratio),
      formatSpread(row.toNodeHttp, ratio),
      milliseconds(row.p99Milliseconds, 1),
      milliseconds(row.maxMilliseconds, 0),
      String(row.errors),
    ]),
  );
  console.log();
}

function milliseconds(value: number, digits: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(digits);
}
