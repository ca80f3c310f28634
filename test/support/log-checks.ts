import * as assert from "uvu/assert";
import type { LogOptions } from "../../src/wal/log.js";
import type { Recovery } from "../../src/wal/recovery.js";
import { append, type Contents, openLog, readAll } from "./log-files.js";
import type { MemoryFileSystem } from "./memory-file-system.js";

export interface Expected {
  /** By offset: what must be readable, and nothing else. */
  readonly records: ReadonlyMap<number, string>;
  /** True if the opening must report damage. */
  readonly damaged: boolean;
}

/**
 * Opens a log that something has happened to, and checks what every opening must guarantee: exactly these records, damage
 * reported by the opening and by readers alike, new hits are accepted and readable, an offset is not used again,
 * and opening once more changes nothing. Returns what the first opening found.
 */
export async function checkOpening(
  fs: MemoryFileSystem,
  expected: Expected,
  when: string,
  options: Partial<LogOptions> = {},
): Promise<Recovery> {
  const log = await openLog(fs, options);
  const { recovery } = log;
  assert.is(log.damage.length > 0, expected.damaged, `${when}: damage ${JSON.stringify(log.damage)}`);
  const first = await readAll(fs);
  checkContents(first, expected, when);

  const fresh = await append(log, ["fresh"]);
  const highest = Math.max(-1, ...expected.records.keys());
  assert.ok(fresh > highest + 2 ** 20 - 1, `${when}: the new offset ${fresh} is not a gap past ${highest}`);
  const withFresh = { ...expected, records: new Map([...expected.records, [fresh, "fresh"]]) };
  checkContents(await readAll(fs), withFresh, `${when}, appended`);
  await log.close();

  const again = await openLog(fs, options);
  assert.equal(again.recovery.damage, [], `${when}: a second opening has nothing new to report`);
  assert.ok(again.epoch > log.epoch && again.nonce !== log.nonce && again.id === log.id, `${when}: a new epoch`);
  const second = await readAll(fs);
  checkContents(second, withFresh, `${when}, opened again`);
  assert.equal(second.damage, first.damage, `${when}: what readers meet stays the same`);
  await again.close();
  return recovery;
}

function checkContents(contents: Contents, expected: Expected, when: string): void {
  const inOrder = (records: ReadonlyMap<number, string>) => [...records].sort(([a], [b]) => a - b);
  assert.equal(inOrder(contents.records), inOrder(expected.records), when);
  // An empty range (a seal that is damaged) is no gap in the records: readers pass it.
  const met = contents.damage.filter((damage) => damage.to !== damage.from);
  if (!expected.damaged) assert.equal(met, [], `${when}: damage where there is none`);
}
