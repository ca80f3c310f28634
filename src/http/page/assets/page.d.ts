import type { ProjectionStatus } from "../../../model/status.js";

/** What the page knows of a counter: the server's view of it, or the data of one `counter` event. */
export interface Described {
  readonly counter: string;
  readonly count: number | null;
  /** Not looked at where there is no count. */
  readonly pending: number | null;
  readonly incomplete?: boolean;
  readonly projections: readonly Pick<ProjectionStatus, "name" | "state" | "since" | "lag" | "lastError">[];
}

export interface Description {
  readonly state: "up" | "moving" | "away" | "halted" | "local";
  /** The state in a few words, and how it goes on. */
  readonly lead: string;
  readonly rest: string;
  readonly detail: string;
  readonly title: string;
  readonly number: string;
  readonly digits: number;
  readonly unit: string;
  readonly unknown: string;
  readonly incomplete: string;
  /** Widths in the rule: the strokes of what waits, and the gap cut for them. */
  readonly strokes: number;
  readonly gap: number;
}

/** What the page says of one state of a counter, as plain text. `timeZone` undefined: the machine's own. */
export function describe(view: Described, now: number, timeZone?: string): Description;
