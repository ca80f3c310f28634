import { HitsError } from "../../src/errors.js";

/** What became of it: the code that it was refused with, or "accepted". */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "accepted";
  } catch (error) {
    return error instanceof HitsError ? error.code : String(error);
  }
}
