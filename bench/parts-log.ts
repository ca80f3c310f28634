import { closeSync, constants, openSync, write, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { encodeHit } from "../src/hit/encoding.js";
import type { FileSystem, OpenFile } from "../src/wal/file-system.js";
import { BATCH_HEADER_BYTES } from "../src/wal/format.js";
import { Log } from "../src/wal/log.js";
import { LogDirectory } from "../src/wal/log-directory.js";
import { encodeHits } from "../test/support/encode-hits.js";
import { counterNames } from "./counter-names.js";
import type { Part, Parts } from "./part.js";

const HITS = counterNames(1000).map((counter) => ({ counter, n: 1 }));
const HIT = { counter: "/blog/a-post/0000001", n: 1 };
const OPTIONS = { segmentBytes: 64 * 2 ** 20, maxQueuedBytes: 2 ** 28 };
/** Batches per run. */
const BATCHES = 20;

/** Encoding, group commit without a disk, and appends against raw durable writes of the same bytes. */
export async function logParts(directory: string): Promise<Parts> {
  const log = await Log.open({ ...OPTIONS, directory: new LogDirectory(path.join(directory, "log")) });
  const noDisk = await Log.open({
    ...OPTIONS,
    segmentBytes: 4 * 2 ** 30,
    directory: new LogDirectory(path.join(directory, "none"), noFileSystem),
    lock: async () => ({ release: async () => undefined }),
  });
  const raw = new RawWriter(path.join(directory, "raw"));
  const record = encodeHit(HIT);
  const appendPart = (inFlight: number): Part => ({
    name: `append, ${inFlight.toLocaleString("en-US")} in flight`,
    units: inFlight * BATCHES,
    run: () => append(log, record, inFlight),
    limit: {
      name: "raw durable writes of the same bytes",
      run: () => raw.write(BATCH_HEADER_BYTES + inFlight * record.length, BATCHES),
    },
  });
  return {
    list: [
      ...encodeParts(),
      {
        name: "group commit, 1,000 in flight, no disk",
        units: 1000 * BATCHES,
        run: () => append(noDisk, record, 1000),
        limit: { name: "copy and checksum of the same bytes", run: () => copyAndChecksum(record, 1000) },
      },
      ...[1, 64, 1000].map(appendPart),
    ],
    async close() {
      raw.close();
      await noDisk.close();
      await log.close();
    },
  };
}

function encodeParts(): Part[] {
  const target = Buffer.alloc(64 * 1024);
  const texts = (count: number) => () => {
    let at = 0;
    for (let i = 0; i < count; i++) at += target.write(HITS[i]?.counter ?? "", at, "utf8");
  };
  return [
    {
      name: "encode, one hit per request",
      units: 1000,
      run: () => {
        for (const hit of HITS) encodeHit(hit);
      },
      limit: { name: "the names alone, as UTF-8", run: texts(1000) },
    },
    {
      name: "encode, 1,000 per request",
      units: 1000,
      run: () => encodeHits(HITS),
      limit: { name: "the names alone, as UTF-8", run: texts(1000) },
    },
  ];
}

/** Keeps this many appends in flight: each acknowledged one makes room for the next. */
function append(log: Log, bytes: Buffer, inFlight: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = inFlight * BATCHES;
    let open = left;
    const one = () => {
      left--;
      log.append({ bytes, count: 1, durable, failed: reject });
    };
    const durable = () => {
      if (left > 0) one();
      if (--open === 0) resolve();
    };
    for (let i = 0; i < inFlight; i++) one();
  });
}

function copyAndChecksum(record: Buffer, count: number): number {
  const buffer = Buffer.allocUnsafe(count * record.length);
  let checksum = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    let at = 0;
    for (let i = 0; i < count; i++) {
      buffer.set(record, at);
      at += record.length;
    }
    checksum ^= crc32(buffer);
  }
  return checksum;
}

/** Writes durably, one write after another, into a file whose blocks are all allocated, as a segment's are. */
class RawWriter {
  readonly #size = 64 * 2 ** 20;
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(64 * 1024, 1);
  #at = 0;

  constructor(file: string) {
    writeFileSync(file, Buffer.alloc(this.#size), { flush: true });
    this.#fd = openSync(file, constants.O_RDWR | (constants.O_DSYNC ?? constants.O_SYNC));
  }

  write(length: number, times: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const one = (left: number): void => {
        if (this.#at + length > this.#size) this.#at = 0;
        write(this.#fd, this.#bytes, 0, length, this.#at, (error) => {
          if (error) reject(error);
          else if (left === 1) resolve();
          else one(left - 1);
        });
        this.#at += length;
      };
      one(times);
    });
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const noFile: OpenFile = {
  writesAreDurable: true,
  read: async () => 0,
  write: async (_buffer, _offset, length) => length,
  sync: async () => undefined,
  truncate: async () => undefined,
  size: async () => 0,
  close: async () => undefined,
};

/** Accepts everything and stores nothing. */
const noFileSystem: FileSystem = {
  open: async () => noFile,
  list: async () => [],
  makeDirectory: async () => undefined,
  rename: async () => undefined,
  unlink: async () => undefined,
  syncDirectory: async () => undefined,
};
