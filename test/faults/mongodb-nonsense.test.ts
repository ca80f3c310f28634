import { test } from "uvu";
import { nonsenseTests } from "./mongodb-nonsense.js";

nonsenseTests({
  "bytes that are no message": () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
  "a message of negative length": () => Buffer.from([0xff, 0xff, 0xff, 0xff, ...new Array<number>(12).fill(0)]),
  "an answer without what was asked for": () => ({ ok: 1 }),
  "numbers that are texts": () => ({ n: "1", nModified: "many", cursor: "no", ok: 1 }),
});
test.run();
