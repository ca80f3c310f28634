/** Names, payloads, files and servers are anybody's: what commands print of them must not control the terminal. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { reportFailure } from "../../../src/cli/terminal/command.js";
import { Output } from "../../../src/cli/terminal/output.js";
import { progressView } from "../../../src/cli/terminal/progress.js";
import { Collected } from "../import/harness.js";

const EVIL = "a\u001b[31m\u009b2J\u0007\r\u202eb\u2028\u0000\u007f";
const ESCAPED = "a\\u001b[31m\\u009b2J\\u0007\\u000d\\u202eb\\u2028\\u0000\\u007f";

function outputs() {
  const [stdout, stderr] = [new Collected(), new Collected()];
  return { stdout, stderr, output: new Output(stdout, stderr) };
}

test("lines of results keep line breaks and tabs, and nothing else that a terminal obeys", async () => {
  const { stdout, output } = outputs();
  await output.writeLines([EVIL, "two\n\tlines"]);
  assert.is(stdout.text, `${ESCAPED}\ntwo\n\tlines\n`);
});

test("JSON means the same with it escaped", async () => {
  const { stdout, output } = outputs();
  await output.writeJson({ name: EVIL });
  assert.not.match(stdout.text, /[^\n -~]/);
  assert.equal(JSON.parse(stdout.text), { name: EVIL });
});

test("data is written as it is", async () => {
  const { stdout, output } = outputs();
  output.add(EVIL);
  await output.flush();
  assert.is(stdout.text, EVIL);
});

test("a message, also of an error and beside a progress bar, is one line", async () => {
  const { stderr, output } = outputs();
  output.writeMessage(`${EVIL}\nok`);
  progressView({ stderr, totalBytes: undefined, quiet: true }).print(`${EVIL}\nok`);
  const body = () => Promise.reject(new Error(`${EVIL}\nok`));
  assert.is(await reportFailure({ name: "import", output, failure: 2 }, body), 2);
  assert.is(stderr.text, `${ESCAPED}\\u000aok\n${ESCAPED}\\u000aok\nimport: ${ESCAPED} ok\n`);
  const bar = Object.assign(new Collected(), { isTTY: true });
  const view = progressView({ stderr: bar, totalBytes: 10, quiet: false });
  bar.text = "";
  view.print(EVIL);
  assert.is(bar.text, `\r\u001b[K${ESCAPED}\n`);
  view.stop();
});

test.run();
