import { test } from "uvu";
import { findServer } from "./find-server.js";
import { MongoServer } from "./server.js";

type Run = (server: MongoServer) => Promise<void>;

export interface MongoTests {
  /** A test that any server will do for. Skipped, and counted so, where there is none. */
  mongoTest(name: string, run: Run): void;
  /** A test that kills, freezes or copies its server. Skipped also where MONGODB_TEST_URL names one. */
  controlTest(name: string, run: Run): void;
}

/** Tests of one file, in uvu's `test`, that share one server: started for the first of them, gone after the last. */
export async function mongoTests(): Promise<MongoTests> {
  const found = await findServer();
  let opening: Promise<MongoServer> | undefined;
  let told = false;
  test.after(async () => {
    const server = await opening?.catch(() => undefined);
    await server?.close();
  });
  const add = (name: string, run: Run): void => {
    if (found === undefined) {
      test.skip(name, () => {});
      return;
    }
    test(name, async () => {
      opening ??= MongoServer.open(found);
      const server = await opening;
      await run(server);
    });
  };
  return {
    mongoTest: add,
    controlTest(name, run) {
      if (found?.controllable !== false) {
        add(name, run);
        return;
      }
      if (!told)
        console.log("SKIP mongodb: tests that kill, freeze or copy their server, since MONGODB_TEST_URL is set");
      told = true;
      test.skip(name, () => {});
    },
  };
}
