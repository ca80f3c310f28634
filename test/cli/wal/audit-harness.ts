import { Writable } from "node:stream";
import { type Document, Long, MongoClient } from "mongodb";
import * as assert from "uvu/assert";
import { runWalCommand } from "../../../src/cli/wal/wal-command.js";
import type { Difference, Unjudged } from "../../../src/maintenance/audit/report.js";
import type { MongoServer } from "../../support/mongodb/server.js";
import type { Ran } from "./harness.js";

/** The document that `--json` prints. */
export interface AuditDocument {
  readonly exact: boolean;
  readonly log: string;
  readonly from: number;
  readonly end: number;
  readonly checkpoint: { readonly offset: number; readonly epoch: number } | null;
  readonly documents: number;
  readonly checked: number;
  readonly series: { readonly documents: number; readonly checked: number };
  readonly pending: number;
  readonly pendingCounters: number;
  readonly differing: readonly Difference[];
  readonly unjudged: readonly Unjudged[];
}

/** A database of a test's own, and the audit of a log against it. */
export class Audited {
  readonly environment: Record<string, string>;
  readonly #client: MongoClient;
  readonly #name: string;

  constructor(server: MongoServer, directory: string) {
    this.#name = server.randomDatabase();
    this.#client = new MongoClient(server.url);
    this.environment = { WAL_DIR: directory, MONGODB_URL: server.url, MONGODB_DB: this.#name };
  }

  get counters() {
    return this.#client.db(this.#name).collection<Document & { _id: string }>("counters");
  }

  get name(): string {
    return this.#name;
  }

  /** A document as the projection writes it: its count is the sum of its slots, `[offset, count]` by log id. */
  async put(counter: string, slots: Record<string, readonly [number, number]>, changed: Document = {}): Promise<void> {
    const logs = Object.fromEntries(
      Object.entries(slots).map(([logId, [offset, count]]) => [logId, { offset: long(offset), count: long(count) }]),
    );
    const count = long(Object.values(slots).reduce((sum, [, one]) => sum + one, 0));
    const document = { count, logs, updatedAt: new Date(), ...changed };
    await this.counters.replaceOne({ _id: counter }, document, { upsert: true });
  }

  async checkpoint(logId: string, offset: number): Promise<void> {
    const checkpoints = this.#client.db(this.#name).collection<Document & { _id: string }>("checkpoints");
    const document = { offset: long(offset), epoch: long(1), nonce: "00" };
    await checkpoints.replaceOne({ _id: logId }, document, { upsert: true });
  }

  /** Audits for a machine and for people, and checks that both agree. */
  async audit(): Promise<AuditDocument> {
    const machine = await runAudit(this.environment, "--json");
    const people = await runAudit(this.environment);
    const document = JSON.parse(machine.stdout) as AuditDocument;
    const { exact, differing, unjudged } = document;
    assert.is(exact, differing.length + unjudged.length === 0);
    assert.is(machine.status, exact ? 0 : differing.length > 0 ? 1 : 2);
    assert.is(people.status, machine.status);
    const lines = people.stdout.trimEnd().split("\n");
    assert.is(lines.length, differing.length + unjudged.length + 1);
    const first = exact ? /^exact: / : differing.length > 0 ? /^differs: / : /^can't compare /;
    assert.match(lines.at(-1) ?? "", first);
    return document;
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** Runs `wal audit` in this process. */
export async function runAudit(environment: Record<string, string>, ...args: string[]): Promise<Ran> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const status = await runWalCommand(["audit", ...args], environment, { stdout, stderr });
  return { status, stdout: stdout.text, stderr: stderr.text };
}

/** Findings without what they expect. */
export function kinds({ differing }: { readonly differing: readonly Difference[] }): string[] {
  return differing.map(({ kind, counter }) => `${kind} ${counter}`).sort();
}

function long(value: number): Long {
  return Long.fromNumber(value);
}

class Collected extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}
