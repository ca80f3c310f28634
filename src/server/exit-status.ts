import { HitsError, systemCode } from "../errors.js";

/** Exit statuses as in sysexits.h, which service managers know. */
const LOG_FAILED = 74;
const LOCKED = 75;
const CONFIGURATION = 78;
const UNAVAILABLE = 69;
const SOFTWARE = 70;

/** The exit status for what stopped the process. */
export function exitStatus(error: unknown): number {
  if (!(error instanceof HitsError)) return systemCode(error) !== undefined ? UNAVAILABLE : SOFTWARE;
  switch (error.code) {
    case "INVALID_SETTING":
    case "LOG_DIRECTORY":
    case "LOCK_UNSUPPORTED":
      return CONFIGURATION;
    case "LOG_LOCKED":
      return LOCKED;
    default:
      return LOG_FAILED;
  }
}
