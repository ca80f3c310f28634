import type { Finding, Probes } from "./check.js";

/** No correct clock is before the first release of this program. */
const FIRST_YEAR = 2025;
const LAST_YEAR = 2100;
/** The least jump that is reported: gradual adjustment stays well below it. */
const JUMP_MS = 250;
const AHEAD_MS = 2000;

export interface ClockReading {
  readonly wall: number;
  readonly monotonic: number;
}

export function readClock(probes: Probes): ClockReading {
  return { wall: probes.wallClock(), monotonic: probes.monotonic() };
}

/** Checks the clock. `before`: a reading at the start of the run. `newest`: the time of the log's newest batch, epoch milliseconds. */
export async function checkClock(probes: Probes, before: ClockReading, newest: number | undefined): Promise<Finding> {
  const check = "clock";
  const now = readClock(probes);
  const time = new Date(now.wall).toISOString();
  const advice =
    "set the clock, and synchronize it by NTP (timedatectl set-ntp true, chrony). Counts and offsets don't depend on it";
  const year = new Date(now.wall).getUTCFullYear();
  if (!(year >= FIRST_YEAR && year < LAST_YEAR)) {
    return { check, level: "warning", found: `it is set to ${time}, and hits would get that time`, advice };
  }
  const jump = now.wall - before.wall - (now.monotonic - before.monotonic);
  if (Math.abs(jump) > JUMP_MS) {
    const found = `it was changed by ${(jump / 1000).toFixed(1)} s during this check`;
    return { check, level: "warning", found, advice };
  }
  if (newest !== undefined && newest > now.wall + AHEAD_MS) {
    const found = `it is set to ${time}, and the newest hits in the log are from ${new Date(newest).toISOString()}: it was set back`;
    return { check, level: "warning", found, advice };
  }
  const synchronized = await isSynchronized(probes);
  if (synchronized === false) {
    return {
      check,
      level: "warning",
      found: `it is set to ${time}; the system reports it as not synchronized`,
      advice,
    };
  }
  const state = synchronized ? "synchronized" : "this system does not report whether it is synchronized";
  return { check, level: synchronized ? "ok" : "note", found: `it is set to ${time}; ${state}` };
}

async function isSynchronized(probes: Probes): Promise<boolean | undefined> {
  if (probes.exists("/run/systemd/timesync/synchronized")) return true;
  const answer = (await probes.output("timedatectl", "show", "--property=NTPSynchronized", "--value"))?.trim();
  return answer === "yes" ? true : answer === "no" ? false : undefined;
}
