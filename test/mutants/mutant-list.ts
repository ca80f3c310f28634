/** One thing broken. The numbers of the invariants are those of docs/reliability.md. */
export interface Mutant {
  readonly invariant: number;
  /** What is broken, in words. */
  readonly name: string;
  readonly file: string;
  /** Text that is there once, and what takes its place. */
  readonly find: string;
  readonly put: string;
  /** Words that pick the test files which should catch it, as `npm test -- WORDS` does. */
  readonly tests: readonly string[];
}

const WAL = "src/wal";
const MONGO = "src/projection/mongo";

export const mutants: readonly Mutant[] = [
  // 1. Acknowledged means durable.
  {
    invariant: 1,
    name: "a batch is not synced",
    file: `${WAL}/segment-writer.ts`,
    find: "if (!this.#file.writesAreDurable) await this.#file.sync();",
    put: "",
    tests: ["wal/crash"],
  },
  {
    invariant: 1,
    name: "a new segment's name is not made durable",
    file: `${WAL}/segment-writer.ts`,
    find: "await fs.rename(prepared, file);\n  await fs.syncDirectory(directory);",
    put: "await fs.rename(prepared, file);",
    tests: ["wal/crash"],
  },
  {
    invariant: 1,
    name: "acknowledged while the write is under way",
    file: `${WAL}/group-commit.ts`,
    find: "await segment.write(buffer, bytes, baseOffset, records, time);",
    put: "void segment.write(buffer, bytes, baseOffset, records, time).catch(() => undefined);",
    tests: ["wal/group-commit", "wal/write-failure", "wal/crash"],
  },
  // 2. Durable means counted exactly once.
  {
    invariant: 2,
    name: "the compare-and-set compares the slot's offset only",
    file: `${MONGO}/mongo-store.ts`,
    find: "slot}.count`]: Long.fromNumber(seen.count),",
    put: "slot}.count`]: { $exists: true },",
    tests: ["projection/mongo"],
  },
  {
    invariant: 2,
    name: "the compare-and-set compares nothing",
    file: `${MONGO}/mongo-store.ts`,
    find: "            : {\n                _id: name,",
    put: "            : name !== '' ? { _id: name } : {\n                _id: name,",
    tests: ["projection/mongo"],
  },
  {
    invariant: 2,
    name: "an update without an answer is taken for one that was not applied",
    file: `${MONGO}/applier.ts`,
    find: "for (const index of indexes) this.#slots.forget(index);",
    put: "",
    tests: ["projection/mongo"],
  },
  {
    invariant: 2,
    name: "the checkpoint moves before the data is confirmed",
    file: `${MONGO}/projector.ts`,
    find: "if (settled && !(await this.#keeper.advance(target))) return false;",
    put: "if (!(await this.#keeper.advance(target))) return false;",
    tests: ["projection/mongo"],
  },
  {
    invariant: 2,
    name: "a retry does not join the hit that is being written",
    file: "src/arriving-keys.ts",
    find: "this.#arriving.set(key.digest, { fingerprint: key.fingerprint, waiting: [] });",
    put: "void key;",
    tests: ["collector-keys"],
  },
  {
    invariant: 2,
    name: "a restart forgets the keys that only the log has",
    file: "src/projection/local.ts",
    find: "keys.isKept(step.batch.time, now) ? keep(step.batch, totals, keys) : undefined",
    put: "undefined",
    tests: ["collector-keys", "projection/local", "faults/retries"],
  },
  // 3. No request waits for MongoDB.
  {
    invariant: 3,
    name: "a call to MongoDB has no time-out",
    file: `${MONGO}/mongo-store.ts`,
    find: "return bounded(this.#client.connect().then(work));",
    put: "return this.#client.connect().then(work);",
    tests: ["projection/mongo", "faults/mongodb"],
  },
  {
    invariant: 3,
    name: "the start waits for MongoDB",
    file: "src/collect.ts",
    find: "const collector = new Collector(log, local, config);",
    put:
      "while (outside.statuses().some((one) => one.state === 'retrying')) await new Promise((r) => setTimeout(r, 50));\n" +
      "  const collector = new Collector(log, local, config);",
    tests: ["faults/mongodb-story", "faults/mongodb-roles"],
  },
  {
    invariant: 3,
    name: "a stop waits for MongoDB as long as it takes",
    file: "src/collect.ts",
    find: "const FLUSH_MS = 1500;",
    put: "const FLUSH_MS = 60_000;",
    tests: ["faults/mongodb-story", "faults/mongodb-roles"],
  },
  // 4. Nothing is shown before it is durable.
  {
    invariant: 4,
    name: "readers in this process are not bounded by the durable end",
    file: `${WAL}/log.ts`,
    find: "durableEnd: () => this.end",
    put: "durableEnd: undefined",
    tests: ["wal/"],
  },
  {
    invariant: 4,
    name: "the durable end moves before the write",
    file: `${WAL}/group-commit.ts`,
    find: "this.#sealed = false;\n",
    put: "this.#sealed = false;\n    this.#options.onDurable(baseOffset + count, time);\n",
    tests: ["wal/", "collector"],
  },
  {
    invariant: 4,
    name: "a reader in another process believes what no disk has",
    file: `${WAL}/segment-reader.ts`,
    find: "if (this.#syncReads && this.#bufferLength > 0) await this.#file.sync();",
    put: "",
    tests: ["wal/"],
  },
  // 5. An offset is never used twice.
  {
    invariant: 5,
    name: "an epoch begins without a gap",
    file: `${WAL}/recovery.ts`,
    find: "baseOffset: Math.max(found.known, witnessed) + EPOCH_GAP,",
    put: "baseOffset: Math.max(found.known, witnessed),",
    tests: ["wal/"],
  },
  {
    invariant: 5,
    name: "an epoch begins where the segments end, whatever snapshots know",
    file: `${WAL}/recovery.ts`,
    find: "baseOffset: Math.max(found.known, witnessed) + EPOCH_GAP,",
    put: "baseOffset: found.known + EPOCH_GAP,",
    tests: ["wal/"],
  },
  {
    invariant: 5,
    name: "an epoch's number takes no notice of snapshots and checkpoints",
    file: `${WAL}/recovery.ts`,
    find: "epoch: Math.max(headerEpoch, witnessedEpoch) + 1,",
    put: "epoch: headerEpoch + 1,",
    tests: ["wal/"],
  },
  // 6. Damage is never hidden.
  {
    invariant: 6,
    name: "an opening passes a hole without a word",
    file: `${WAL}/recovery.ts`,
    find: "if (segment.offset > before.from) damage.push({ ...before, to: segment.offset });",
    put: "",
    tests: ["wal/"],
  },
  {
    invariant: 6,
    name: "a segment shorter than it was is no damage",
    file: `${WAL}/recovery.ts`,
    find: "if (size < preparedSize) {",
    put: "if (size < 0) {",
    tests: ["wal/"],
  },
  {
    invariant: 6,
    name: "the MongoDB projection passes damage",
    file: `${MONGO}/log-fold.ts`,
    find: "      this.#damage = step.damage;\n      return false;",
    put: "      return true;",
    tests: ["projection/mongo"],
  },
  {
    invariant: 6,
    name: "counts are never called incomplete",
    file: "src/projection/local.ts",
    find: "return this.#log.damage.length > 0;",
    put: "return false;",
    tests: ["projection/"],
  },
  // 7. The first failed write is final.
  {
    invariant: 7,
    name: "after a failed write it goes on",
    file: `${WAL}/group-commit.ts`,
    find: "this.#failure = error;",
    put: "",
    tests: ["wal/write-failure", "wal/group-commit"],
  },
  {
    invariant: 7,
    name: "a short write is a write",
    file: `${WAL}/segment-writer.ts`,
    find: "if (written !== length) throw",
    put: "if (written < 0) throw",
    tests: ["wal/"],
  },
  {
    invariant: 7,
    name: "an unclean opening does not write its tail once more",
    file: `${WAL}/recovery.ts`,
    find: "await writeOnceMore(fs, path.join(directory, file), sealedByte, endByte);",
    put: "",
    tests: ["wal/"],
  },
  // 8. An error says what it means.
  {
    invariant: 8,
    name: "a failed write is called certainly not counted",
    file: `${WAL}/group-commit.ts`,
    find: '"LOG_FAILED",',
    put: '"QUEUE_FULL",',
    tests: ["wal/write-failure"],
  },
  {
    invariant: 8,
    name: "a refused group is queued all the same",
    file: `${WAL}/group-commit.ts`,
    find: "if (refusal !== undefined) throw refusal;\n    this.#queue.push(group);",
    put: "this.#queue.push(group);\n    if (refusal !== undefined) throw refusal;",
    tests: ["wal/group-commit"],
  },
  {
    invariant: 8,
    name: "a hit of unknown fate is called not counted",
    file: "src/http/not-counted.ts",
    find: 'new Set(["LOG_FAILED", "INTERNAL"])',
    put: "new Set([])",
    tests: ["http/"],
  },
  // 9. Retention never passes what somebody needs.
  {
    invariant: 9,
    name: "retention passes registered projections",
    file: `${WAL}/log.ts`,
    find: "needed = Math.min(needed, registration.offset);",
    put: "void registration;",
    tests: ["wal/retention", "wal/registrations"],
  },
  {
    invariant: 9,
    name: "retention passes the older snapshot",
    file: "src/projection/local.ts",
    find: "const older = this.#kept[0];",
    put: "const older = this.#kept.at(-1);",
    tests: ["projection/local"],
  },
  {
    invariant: 9,
    name: "retention takes a segment that is needed in part",
    file: `${WAL}/retention.ts`,
    find: "if (behind.end !== undefined && behind.end.endOffset > neededFrom) break;",
    put: "if (behind.end !== undefined && base > neededFrom) break;",
    tests: ["wal/retention"],
  },
  // 10. Memory is bounded.
  {
    invariant: 10,
    name: "the queue has no bound",
    file: `${WAL}/group-commit.ts`,
    find: "if (this.#queuedBytes + bytes > this.#options.maxQueuedBytes && this.#queuedBytes > 0) {",
    put: "if (this.#queuedBytes < 0) {",
    tests: ["wal/group-commit"],
  },
  {
    invariant: 10,
    name: "there may be any number of counters",
    file: "src/collector.ts",
    find: "if (totals.size + this.#arriving.size + beside.names.size < this.#maxCounters) return undefined;",
    put: "if (totals.size >= 0) return undefined;",
    tests: ["collector"],
  },
  {
    invariant: 10,
    name: "any number of keys is remembered",
    file: "src/arriving-keys.ts",
    find: "if (this.#keys.size + this.#arriving.size + more < this.#maxKeys) return undefined;",
    put: "if (more >= 0) return undefined;",
    tests: ["collector-keys"],
  },
  // 11. One writer.
  {
    invariant: 11,
    name: "a directory that is locked is taken",
    file: `${WAL}/lock.ts`,
    find: "if (!lockOrNot(handle.fd, file)) {",
    put: "if (!lockOrNot(handle.fd, file) && file === '') {",
    tests: ["wal/lock"],
  },
  {
    invariant: 11,
    name: "the lock file is made anew by each who locks",
    file: `${WAL}/lock.ts`,
    find: "handle = await fs.promises.open(file,",
    put: "await fs.promises.rm(file, { force: true });\n    handle = await fs.promises.open(file,",
    tests: ["wal/lock"],
  },
  // 12. A projection is never ahead of its log.
  {
    invariant: 12,
    name: "a nonce that this log never had is fine",
    file: `${MONGO}/checkpoint-keeper.ts`,
    find: "if (!this.#epochs.knows(checkpoint)) return `",
    put: "if (checkpoint.epoch < 0) return `",
    tests: ["projection/mongo"],
  },
  {
    invariant: 12,
    name: "a checkpoint beyond its epoch's end is fine",
    file: `${MONGO}/checkpoint-keeper.ts`,
    find: "if (this.#epochs.isBeyond(checkpoint)) return `",
    put: "if (checkpoint.epoch < 0) return `",
    tests: ["projection/mongo"],
  },
  {
    invariant: 12,
    name: "an epoch is written to before it is claimed",
    file: `${MONGO}/projector.ts`,
    find: "if (!(await this.#keeper.claim(target))) return false;",
    put: "",
    tests: ["projection/mongo"],
  },
];
