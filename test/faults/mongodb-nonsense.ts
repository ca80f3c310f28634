/** A server that answers nonsense: it is asked again, nothing hangs, nothing runs out of memory, and all ends exact. */
import type { Document } from "mongodb";
import { eventually } from "../projection/mongo/documents.js";
import { faultTests } from "./mongodb-world.js";

/** Declares a test for each of these replies to an update, in place of the normal one. */
export function nonsenseTests(replies: Readonly<Record<string, (normal: Document) => Document | Buffer>>): void {
  const faultTest = faultTests();
  for (const [what, reply] of Object.entries(replies)) {
    faultTest(`nonsense: ${what}`, async (world, mongo) => {
      let nonsense = 0;
      mongo.behaviour = (request, normal) => {
        const sound = normal();
        return request.command === "update" && nonsense++ < 1 ? reply(sound) : sound;
      };
      await world.hit("home", 2);
      await world.hit("nonsense");
      await world.everythingAnswers();
      await eventually("it was reported, and asked again", () => nonsense > 1, 60);
    });
  }
}
