import { BSON } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WireReader } from "../support/mongodb/wire.js";

function message(opCode: number, requestId: number, responseTo: number, body: Buffer): Buffer {
  return Buffer.concat([...[16 + body.length, requestId, responseTo, opCode].map(int32), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

const document = (value: object) => Buffer.from(BSON.serialize(value));
const body = (value: object) => Buffer.concat([Buffer.of(0), document(value)]);

function sequence(name: string, documents: object[]): Buffer {
  const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map(document)]);
  return Buffer.concat([Buffer.of(1), int32(4 + content.length), content]);
}

const update = Buffer.concat([int32(0), body({ update: "hits", $db: "x" }), sequence("updates", [{ q: 1 }, { q: 2 }])]);
const backwards = Buffer.concat([int32(2), sequence("documents", [{ a: 1 }]), body({ insert: "hits" })]);
const query = Buffer.concat([int32(0), Buffer.from("admin.$cmd\0"), int32(0), int32(-1), document({ isMaster: 1 })]);

test("commands of all kinds of requests, cut anywhere", () => {
  const stream = Buffer.concat([
    message(2013, 1, 0, update),
    message(2013, 2, 0, backwards),
    message(2004, 3, 0, query),
    message(2012, 4, 0, Buffer.alloc(30)),
    message(2013, 5, 1, Buffer.concat([int32(2), body({ ok: 1 })])),
  ]);
  for (const size of [1, 7, 16, 100, stream.length]) {
    const reader = new WireReader();
    const messages = [];
    for (let at = 0; at < stream.length; at += size) messages.push(...reader.push(stream.subarray(at, at + size)));
    assert.equal(
      messages.map(({ requestId, responseTo, command, moreToCome }) => [requestId, responseTo, command, moreToCome]),
      [
        [1, 0, "update", false],
        [2, 0, "insert", true],
        [3, 0, "isMaster", false],
        [4, 0, undefined, false],
        [5, 1, undefined, true],
      ],
    );
    assert.ok(Buffer.concat(messages.map(({ bytes }) => bytes)).equals(stream));
  }
});

test("what isn't this protocol is refused", () => {
  assert.throws(() => new WireReader().push(Buffer.from("GET / HTTP/1.1\r\n\r\n")), /not a MongoDB message/);
  assert.throws(() => new WireReader().push(Buffer.alloc(16)), /not a MongoDB message/);
});

test.run();
