import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Client } from "../../model/access.js";
import { ClientGone } from "../answer.js";
import { Lane } from "./lane.js";
import type { Turns } from "./turns.js";

/**
 * Reads whose answers take long to make, or much memory: thousands that are asked for at once must not be made at once, before
 * the first is sent and charged to its client.
 */
export class HeavyReads {
  readonly #turns: Turns;
  readonly #lane: Lane;

  constructor(turns: Turns) {
    this.#turns = turns;
    this.#lane = new Lane(turns);
  }

  /** Makes an answer without waiting for anything, some of them in a turn of the event loop. Rejects as `Turns.run` does. */
  atOnce(client: Client, res: ServerResponse, make: () => void): Promise<void> {
    return this.#turns.run(client, {
      slice: () => {
        make();
        return false;
      },
      check: () => checkWanted(res),
    });
  }

  /**
   * Makes an answer that has to wait for something, one at a time, each in a turn of the event loop. The next is that of the
   * client that has used the least time lately, trusted clients first.
   */
  inLane(client: Client, res: ServerResponse, make: () => Promise<void>): Promise<void> {
    const check = () => checkWanted(res);
    return this.#lane.use(client, check, async () => {
      await nextTurn();
      check();
      const since = performance.now();
      try {
        await make();
      } finally {
        const now = performance.now();
        this.#turns.used.add(client.key, now - since, now);
      }
    });
  }
}

function checkWanted(res: ServerResponse): void {
  if (res.destroyed) throw new ClientGone();
}
