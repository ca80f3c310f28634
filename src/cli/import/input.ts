import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { describeError, HitsError } from "../../errors.js";

const CHUNK_BYTES = 256 * 1024;

/** The source of the lines. */
export interface Input {
  /** For messages. */
  readonly name: string;
  /** A regular file, which can be read again from its start; undefined for anything else. */
  readonly file: { readonly path: string; readonly bytes: number } | undefined;
  /** The bytes read so far, before unpacking. */
  bytesRead: number;
  /** Reads the input from its start, gzip unpacked. A file may be read again. Throws `INPUT_UNREADABLE`. */
  chunks(): AsyncGenerator<Buffer>;
}

/** Opens a file, or standard input for `-`. Throws `INPUT_UNREADABLE`. */
export async function openInput(operand: string, stdin: Readable): Promise<Input> {
  if (operand === "-") return new StreamInput("standard input", undefined, () => stdin);
  try {
    const { size, isFile } = await stat(operand).then((found) => ({ size: found.size, isFile: found.isFile() }));
    const file = isFile ? { path: operand, bytes: size } : undefined;
    return new StreamInput(operand, file, () => createReadStream(operand, { highWaterMark: CHUNK_BYTES }));
  } catch (error) {
    throw unreadable(operand, error);
  }
}

class StreamInput implements Input {
  readonly name: string;
  readonly file: Input["file"];
  bytesRead = 0;
  readonly #open: () => Readable;

  constructor(name: string, file: Input["file"], open: () => Readable) {
    this.name = name;
    this.file = file;
    this.#open = open;
  }

  async *chunks(): AsyncGenerator<Buffer> {
    this.bytesRead = 0;
    try {
      yield* unpacked(this.#read());
    } catch (error) {
      throw error instanceof HitsError ? error : unreadable(this.name, error);
    }
  }

  async *#read(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#open()) {
      const bytes = chunk as Buffer;
      this.bytesRead += bytes.length;
      yield bytes;
    }
  }
}

/** Unpacks gzip, which is recognized by its first two bytes, whatever the file's name. */
async function* unpacked(packed: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await packed.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    if (head.length > 0) yield head;
    yield* packed;
    return;
  }
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // An error on either side ends the other, and is thrown by the loop below.
  pipeline(Readable.from(prepended(head, packed)), gunzip, () => undefined);
  yield* gunzip as AsyncIterable<Buffer>;
}

async function* prepended(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

function unreadable(name: string, error: unknown): HitsError {
  return new HitsError("INPUT_UNREADABLE", `cannot read ${name} (${describeError(error)})`, { cause: error });
}
