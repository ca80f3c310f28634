import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_WRONG_TOKENS, WrongTokens } from "../../../src/http/access/wrong-tokens.js";
import { FakeLogger } from "../fake-services.js";

const digest = (token: string) => createHash("sha256").update(token).digest();

function clocked() {
  const clock = { ms: 5_000_000 };
  const logger = new FakeLogger();
  return { clock, logger, wrong: new WrongTokens(logger, () => clock.ms) };
}

test("after ten wrong tokens a client's are not compared until the minute is over; other clients' are", () => {
  const { clock, wrong } = clocked();
  for (let i = 0; i < MAX_WRONG_TOKENS; i++) {
    assert.is(wrong.blockedFor(1), 0, String(i));
    wrong.note(1, digest(`guess ${i}`));
  }
  assert.is(wrong.blockedFor(1), 60);
  assert.is(wrong.blockedFor(2), 0);
  clock.ms += 59_001;
  assert.is(wrong.blockedFor(1), 1);
  clock.ms += 999;
  assert.is(wrong.blockedFor(1), 0);
});

test("the same wrong token again, as from a program with an old one, blocks nobody", () => {
  const { wrong } = clocked();
  for (let i = 0; i < 100; i++) {
    assert.is(wrong.blockedFor(1), 0);
    wrong.note(1, digest("old"));
  }
});

test("wrong tokens are logged at most once a minute, with their number and without the token", () => {
  const { clock, logger, wrong } = clocked();
  for (let i = 0; i < 5; i++) {
    wrong.blockedFor(i);
    wrong.note(i, digest("guess"));
  }
  clock.ms += 60_000;
  wrong.note(1, digest("guess"));
  assert.equal(
    logger.lines.map(({ level, fields }) => [level, fields]),
    [
      ["warn", { requests: 1 }],
      ["warn", { requests: 5 }],
    ],
  );
});

test.run();
