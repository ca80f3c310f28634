import { HitsError } from "../../src/errors.js";

/** Resolves to the code of the refusal, or "accepted". */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "accepted";
  } catch (error) {
    return error instanceof HitsError ? error.code : String(error);
  }
}
