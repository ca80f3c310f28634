import { describeError, HitsError } from "../errors.js";
import { BATCH_HEADER_BYTES, HEADER_BYTES, MAX_BATCH_BYTES, MAX_BATCH_RECORDS } from "./format.js";
import type { SegmentSupply } from "./segment-supply.js";
import type { SegmentWriter } from "./segment-writer.js";

/** Records that go into one batch, all or none, and the callbacks for their outcome. */
export interface RecordGroup {
  /** Each record follows its varint length. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Called once the group is durable, in the order of offsets, before anything later is acknowledged. */
  durable(firstOffset: number, time: number): void;
  /** Called instead. `DISK_FULL`, `CLOSING`: certainly not in the log. `LOG_FAILED`: unknown. */
  failed(error: HitsError): void;
}

/** The timing of one durable batch. */
export interface BatchTiming {
  readonly records: number;
  /** As written, including the batch's header. */
  readonly bytes: number;
  /** Milliseconds of the durable write alone. */
  readonly writeMs: number;
  /** For each of its groups, milliseconds from its append until it was durable, in the order of offsets. */
  readonly waitsMs: readonly number[];
}

export interface GroupCommitOptions {
  readonly supply: SegmentSupply;
  /** Makes the prepared segment the log's next one, with this base offset. */
  readonly activate: (size: number, closing: SegmentWriter | undefined, offset: number) => Promise<SegmentWriter>;
  /** The first offset to give out. */
  readonly offset: number;
  readonly maxQueuedBytes: number;
  /** A batch of many groups stays within one segment of this size. */
  readonly segmentBytes: number;
  /** Called for every batch once it is durable, before its groups' callbacks. */
  readonly onDurable: (endOffset: number, time: number) => void;
  /** Called once, at the first failed write. The process should stop: nothing is acknowledged any more. */
  readonly onFailure: (error: HitsError) => void;
  /** Called for every batch after its groups' callbacks. Must not throw. Without it nothing is timed. */
  readonly onBatch: ((batch: BatchTiming) => void) | undefined;
}

interface Batch {
  readonly groups: readonly RecordGroup[];
  /** As written, including the batch's header. */
  readonly bytes: number;
  readonly records: number;
}

/** A batch of many groups stays below this, so that no hit waits for megabytes of others. */
const PREFERRED_BATCH_BYTES = 4 * 1024 * 1024;
const SEAL_AFTER_IDLE_MS = 200;

/**
 * Group commit without a timer: while one batch is written, all that arrives becomes the next. A single appender waits
 * for one durable write, a thousand share one.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #segment: SegmentWriter | undefined;
  #queue: RecordGroup[] = [];
  /** The time of each append in the queue; empty without `onBatch`. */
  #arrivals: number[] = [];
  #queuedBytes = 0;
  #offset: number;
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #running: Promise<void> | undefined;
  #failure: HitsError | undefined;
  #closing = false;
  #sealed = true;
  #sealTimer: NodeJS.Timeout | undefined;
  readonly #preferredBytes: number;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#offset = options.offset;
    const room = options.segmentBytes - HEADER_BYTES - BATCH_HEADER_BYTES;
    this.#preferredBytes = Math.min(PREFERRED_BATCH_BYTES, room);
  }

  /** The first offset that is not durable yet. */
  get offset(): number {
    return this.#offset;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Takes the first segment, so that the first hit does not wait for it. A full disk is not an error here: `refusal` reports it. */
  async start(): Promise<void> {
    try {
      await this.#rotate(HEADER_BYTES);
    } catch (error) {
      if (!(error instanceof HitsError && error.code === "DISK_FULL")) throw error;
    }
  }

  /** Returns the reason why a group of so many bytes would be refused now. */
  refusal(bytes: number): HitsError | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#closing) return new HitsError("CLOSING", "the server is stopping. Not counted; try again");
    if (this.#queuedBytes + bytes > this.#options.maxQueuedBytes && this.#queuedBytes > 0) {
      const limit = this.#options.maxQueuedBytes;
      return new HitsError("QUEUE_FULL", `${limit} bytes are waiting for the disk already. Not counted; try again`);
    }
    if (this.#segment?.hasRoomFor(BATCH_HEADER_BYTES + bytes) === true) return undefined;
    return this.#options.supply.refusal;
  }

  /** Queues a group. Throws the `refusal` at once, with nothing queued. */
  append(group: RecordGroup): void {
    if (
      group.count < 1 ||
      group.count > MAX_BATCH_RECORDS ||
      BATCH_HEADER_BYTES + group.bytes.length > MAX_BATCH_BYTES
    ) {
      throw new HitsError(
        "BODY_TOO_LARGE",
        `${group.count} records of ${group.bytes.length} bytes do not fit in one batch`,
      );
    }
    const refusal = this.refusal(group.bytes.length);
    if (refusal !== undefined) throw refusal;
    this.#queue.push(group);
    this.#queuedBytes += group.bytes.length;
    if (this.#options.onBatch !== undefined) this.#arrivals.push(performance.now());
    // Later: whatever else arrives in this turn of the event loop shares the batch.
    this.#running ??= new Promise((resolve) => setImmediate(resolve)).then(() => this.#run());
  }

  /** Refuses new groups, writes the queue, seals, and closes the segment. Resolves even if that fails. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#sealTimer);
    await this.#running;
    if (this.#failure === undefined && !this.#sealed) await this.#seal();
    await this.#segment?.close().catch(() => undefined);
    this.#segment = undefined;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#sealTimer);
    while (this.#queue.length > 0 && this.#failure === undefined) {
      const batch = this.#takeBatch();
      const { groups, bytes } = batch;
      const arrivals = this.#takeArrivalTimes(groups.length);
      try {
        await this.#commit(batch, arrivals);
      } catch (error) {
        if (error instanceof HitsError && error.code === "DISK_FULL") for (const group of groups) group.failed(error);
        else this.#fail(error, groups);
      }
      this.#queuedBytes -= bytes - BATCH_HEADER_BYTES;
    }
    if (this.#failure !== undefined) this.#queuedBytes = 0;
    this.#running = undefined;
    if (this.#failure === undefined && !this.#closing && !this.#sealed) {
      this.#sealTimer = setTimeout(() => {
        this.#running ??= this.#seal().then(() => this.#run());
      }, SEAL_AFTER_IDLE_MS);
    }
  }

  /** Takes the groups of the next batch: at least one, and if there is no next segment, no more than fit in this one. */
  #takeBatch(): Batch {
    const segment = this.#segment;
    const full = this.#options.supply.refusal !== undefined && segment !== undefined;
    let bytes = BATCH_HEADER_BYTES;
    let records = 0;
    let taken = 0;
    for (const group of this.#queue) {
      const more = bytes + group.bytes.length;
      if (taken > 0 && (more > this.#preferredBytes || records + group.count > MAX_BATCH_RECORDS)) break;
      if (taken > 0 && full && !segment.hasRoomFor(more)) break;
      bytes = more;
      records += group.count;
      taken++;
    }
    if (taken < this.#queue.length) return { groups: this.#queue.splice(0, taken), bytes, records };
    const groups = this.#queue;
    this.#queue = [];
    return { groups, bytes, records };
  }

  #takeArrivalTimes(groups: number): number[] {
    if (groups < this.#arrivals.length) return this.#arrivals.splice(0, groups);
    const all = this.#arrivals;
    this.#arrivals = [];
    return all;
  }

  async #commit({ groups, bytes, records }: Batch, arrivals: readonly number[]): Promise<void> {
    let segment = this.#segment;
    if (segment === undefined || !segment.hasRoomFor(bytes)) segment = await this.#rotate(bytes);
    const buffer = this.#bufferOf(bytes);
    let at = BATCH_HEADER_BYTES;
    for (const group of groups) {
      buffer.set(group.bytes, at);
      at += group.bytes.length;
    }
    const time = Date.now();
    const baseOffset = this.#offset;
    this.#sealed = false;
    const { onBatch } = this.#options;
    const started = onBatch === undefined ? 0 : performance.now();
    await segment.write(buffer, bytes, baseOffset, records, time);
    const written = onBatch === undefined ? 0 : performance.now();
    this.#offset = baseOffset + records;
    this.#options.onDurable(this.#offset, time);
    let offset = baseOffset;
    for (const group of groups) {
      group.durable(offset, time);
      offset += group.count;
    }
    onBatch?.({
      records,
      bytes,
      writeMs: written - started,
      waitsMs: arrivals.map((arrival) => written - arrival),
    });
  }

  async #rotate(batchBytes: number): Promise<SegmentWriter> {
    const prepared = await this.#options.supply.take(HEADER_BYTES + batchBytes + BATCH_HEADER_BYTES);
    const closing = this.#segment;
    // An empty segment that is too small keeps its name, which is its base offset; the next one needs a different one.
    const offset = closing?.header.baseOffset === this.#offset ? this.#offset + 1 : this.#offset;
    this.#segment = await this.#options.activate(prepared.size, closing, offset);
    this.#offset = offset;
    this.#options.supply.start();
    // The new header proves all batches before it.
    this.#sealed = true;
    return this.#segment;
  }

  #bufferOf(length: number): Buffer {
    if (length <= this.#buffer.length) return this.#buffer;
    const buffer = Buffer.allocUnsafeSlow(Math.max(length, Math.min(length * 2, PREFERRED_BATCH_BYTES)));
    // The memory of one giant batch is not kept.
    if (buffer.length <= PREFERRED_BATCH_BYTES) this.#buffer = buffer;
    return buffer;
  }

  async #seal(): Promise<void> {
    const segment = this.#segment;
    if (segment === undefined || !segment.hasRoomFor(0)) return;
    try {
      await segment.seal(this.#offset, Date.now());
      this.#sealed = true;
    } catch (error) {
      this.#fail(error, []);
    }
  }

  #fail(cause: unknown, groups: readonly RecordGroup[]): void {
    const error =
      cause instanceof HitsError
        ? cause
        : new HitsError(
            "LOG_FAILED",
            `writing at offset ${this.#offset} failed (${describeError(cause)}): these hits may or may not count. ` +
              "This process acknowledges nothing more; a restart recovers what is on disk",
            { cause },
          );
    this.#failure = error;
    const waiting = this.#queue;
    this.#queue = [];
    for (const group of [...groups, ...waiting]) group.failed(error);
    this.#options.onFailure(error);
  }
}
