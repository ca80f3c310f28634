import type { Finding } from "./finding.js";
import type { Probes } from "./probes.js";

/** Before the first release of this program no clock that is right has been. */
const FIRST_YEAR = 2025;
const LAST_YEAR = 2100;
/** A clock that is being set right slowly stays well below it. */
const JUMP_MS = 250;
const AHEAD_MS = 2000;

export interface ClockReading {
  readonly wall: number;
  readonly monotonic: number;
}

export function readClock(probes: Probes): ClockReading {
  return { wall: probes.wallClock(), monotonic: probes.monotonic() };
}

/** `before`: a reading at the start of the run. `newest`: when the log's newest batch was written, epoch milliseconds. */
export async function checkClock(probes: Probes, before: ClockReading, newest: number | undefined): Promise<Finding> {
  const check = "clock";
  const now = readClock(probes);
  const shown = new Date(now.wall).toISOString();
  const set =
    "set the clock, and have it kept by NTP (timedatectl set-ntp true, chrony). Counts and offsets don't depend on it";
  const year = new Date(now.wall).getUTCFullYear();
  if (!(year >= FIRST_YEAR && year < LAST_YEAR)) {
    return { check, level: "warning", found: `it says ${shown}: hits would be given that time`, advice: set };
  }
  const jump = now.wall - before.wall - (now.monotonic - before.monotonic);
  if (Math.abs(jump) > JUMP_MS) {
    const found = `it was moved by ${(jump / 1000).toFixed(1)} s while the doctor looked on`;
    return { check, level: "warning", found, advice: set };
  }
  if (newest !== undefined && newest > now.wall + AHEAD_MS) {
    const found = `it says ${shown}, and the newest hits in the log are of ${new Date(newest).toISOString()}: it went back`;
    return { check, level: "warning", found, advice: set };
  }
  const synchronised = await isSynchronised(probes);
  if (synchronised === false) {
    return {
      check,
      level: "warning",
      found: `it says ${shown}; the system says that it is not synchronised`,
      advice: set,
    };
  }
  const how = synchronised ? "synchronised" : "whether it is synchronised this system does not tell";
  return { check, level: synchronised ? "ok" : "note", found: `it says ${shown}; ${how}` };
}

async function isSynchronised(probes: Probes): Promise<boolean | undefined> {
  if (probes.exists("/run/systemd/timesync/synchronized")) return true;
  const answer = (await probes.output("timedatectl", "show", "--property=NTPSynchronized", "--value"))?.trim();
  return answer === "yes" ? true : answer === "no" ? false : undefined;
}
