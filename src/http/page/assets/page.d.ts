import type { CounterState } from "../../../model/counters.js";
import type { ProjectionNews } from "../../counters/events.js";

/** A counter as shown on the page: from the server, or from the data of one `counter` event. */
export interface Described extends Pick<CounterState, "counter" | "incomplete"> {
  /** Null while the counts are unknown. */
  readonly count: number | null;
  /** Not used without a count. */
  readonly pending: number | null;
  readonly projections: readonly ProjectionNews[];
}

/** The names of the signs on the pages, by the state of the projection into MongoDB. */
export type Sign = "up" | "moving" | "away" | "halted" | "local";

export interface Description {
  readonly state: Sign;
  /** The state in a few words, and the rest of that sentence. */
  readonly lead: string;
  readonly rest: string;
  readonly detail: string;
  readonly title: string;
  readonly number: string;
  readonly digits: number;
  readonly unit: string;
  readonly unknown: string;
  readonly incomplete: string;
  /** Widths in the rule: the strokes of pending hits, and the gap cut for them. */
  readonly strokes: number;
  readonly gap: number;
}

/** Returns the texts of the page for one state of a counter, as plain text. `timeZone` undefined: the machine's own. */
export function describe(view: Described, now: number, timeZone?: string): Description;
