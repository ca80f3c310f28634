/** As much of MongoDB's wire protocol as it takes to tell messages and commands apart. */

const HEADER_BYTES = 16;
const OP_QUERY = 2004;
const OP_MSG = 2013;
/** In a request: no reply is wanted. In a reply: more replies follow without being asked for. */
const MORE_TO_COME = 2;

export interface WireMessage {
  readonly bytes: Buffer;
  readonly requestId: number;
  /** Of a reply: the `requestId` that it answers. */
  readonly responseTo: number;
  /** Of a request: its command as sent ("update"); undefined for a reply, or if it is unknown (compressed). */
  readonly command: string | undefined;
  readonly moreToCome: boolean;
}

/** Cuts a stream of bytes into messages. */
export class WireReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that these bytes complete. Throws for what can't be this protocol (TLS, for one). */
  push(chunk: Buffer): WireMessage[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: WireMessage[] = [];
    while (this.#rest.length >= HEADER_BYTES) {
      const length = this.#rest.readInt32LE(0);
      if (length < HEADER_BYTES || length > 64 * 1024 * 1024)
        throw new Error(`not a MongoDB message: length ${length}`);
      if (this.#rest.length < length) break;
      messages.push(parse(this.#rest.subarray(0, length)));
      this.#rest = this.#rest.subarray(length);
    }
    return messages;
  }
}

function parse(bytes: Buffer): WireMessage {
  const opCode = bytes.readInt32LE(12);
  const responseTo = bytes.readInt32LE(8);
  return {
    bytes,
    requestId: bytes.readInt32LE(4),
    responseTo,
    command: responseTo === 0 ? commandOf(bytes, opCode) : undefined,
    moreToCome: opCode === OP_MSG && (bytes.readUInt32LE(HEADER_BYTES) & MORE_TO_COME) !== 0,
  };
}

function commandOf(bytes: Buffer, opCode: number): string | undefined {
  if (opCode === OP_MSG) {
    // Sections follow the flags: one holds the command, others (kind 1, with their size) the documents of a bulk.
    let at = HEADER_BYTES + 4;
    while (at < bytes.length - 4) {
      const kind = bytes[at];
      if (kind === 0) return firstKey(bytes, at + 1);
      at += 1 + bytes.readInt32LE(at + 1);
    }
    return undefined;
  }
  // Flags, a name that ends with a zero, two numbers, the query: the first handshake of a connection.
  if (opCode === OP_QUERY) return firstKey(bytes, bytes.indexOf(0, HEADER_BYTES + 4) + 1 + 8);
  return undefined;
}

/** Of a BSON document: its length, the type of the first element, and then its key. */
function firstKey(bytes: Buffer, document: number): string {
  const key = document + 5;
  return bytes.toString("utf8", key, bytes.indexOf(0, key));
}
