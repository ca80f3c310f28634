import { HitsError } from "../../errors.js";
import type { CounterState } from "../../model/counters.js";
import type { Services } from "../../model/services.js";

/** A counter as it stands; undefined while the counts are unknown, for those who have something to show all the same. */
export function knownCounter(services: Services, name: string): CounterState | undefined {
  try {
    return services.view.counter(name);
  } catch (error) {
    if (error instanceof HitsError && error.code === "PROJECTION_HALTED") return undefined;
    throw error;
  }
}
