import * as assert from "uvu/assert";
import type { Verification } from "../../../src/maintenance/verify/verify-log.js";
import { wal } from "./harness.js";

/** Verifies, and checks what is the same whatever is found: status, summary, one line a finding. */
export async function verify(directory: string): Promise<Verification> {
  const machine = await wal(directory, "verify", "--json");
  const people = await wal(directory, "verify");
  const verification = JSON.parse(machine.stdout) as Verification;
  assert.is(machine.status, verification.sound ? 0 : 1);
  assert.is(people.status, machine.status);
  const lines = people.stdout.trimEnd().split("\n");
  assert.is(lines.length, verification.findings.length + 1);
  assert.match(lines.at(-1) ?? "", verification.sound ? /^sound/ : /^damaged/);
  for (const [index, { kind, file, byte, offset, expected, found }] of verification.findings.entries()) {
    assert.is(lines[index], `${kind}: ${file} byte ${byte}, offset ${offset}: expected ${expected}, found ${found}`);
  }
  return verification;
}

/** Returns the places of findings, without their texts. */
export function places({ findings }: Verification): string[] {
  return findings.map(({ kind, file, byte, offset }) => `${kind} ${file}:${byte} @${offset}`);
}

export const FIRST = "00000000000000000000.log";
