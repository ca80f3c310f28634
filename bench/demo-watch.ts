import { setTimeout as sleep } from "node:timers/promises";
import type { DemoServer, Figures } from "./demo-server.js";
import { printSecond, type Second } from "./demo-table.js";
import type { Traffic } from "./demo-traffic.js";

/** Looks once a second, prints what it sees, and remembers what must never happen. */
export class Watch {
  /** What was seen and may not be, as lines. */
  readonly wrong: string[] = [];
  /** All rows, in order. */
  readonly seconds: Second[] = [];
  /** The slowest answer in seconds in which MongoDB gave none, in milliseconds. */
  slowestWithoutMongoMs = 0;
  /** The most that was pending. */
  mostPending = 0;
  readonly #server: DemoServer;
  readonly #traffic: Traffic;
  readonly #started = performance.now();
  #next = 1;
  #counted = 0;
  #stopped = false;

  constructor(server: DemoServer, traffic: Traffic) {
    this.#server = server;
    this.#traffic = traffic;
  }

  /** So many rows. */
  async during(happening: string, seconds: number): Promise<void> {
    for (let row = 0; row < seconds && !this.#stopped; row++) await this.#look(happening);
  }

  /** Rows until something is done; throws what it throws. */
  async meanwhile(happening: string, work: Promise<void>): Promise<void> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    // Its failure is thrown below.
    done.catch(() => undefined);
    do await this.#look(happening);
    while (!isDone && !this.#stopped);
    await done;
  }

  /** Rows until what is seen is so. False: it was not, for so long. */
  async until(happening: string, isSo: (figures: Figures) => boolean, limitMs: number): Promise<boolean> {
    const limit = performance.now() + limitMs;
    while (performance.now() < limit && !this.#stopped) {
      const figures = await this.#look(happening);
      if (figures !== undefined && isSo(figures)) return true;
    }
    return false;
  }

  /** Nothing more is printed. */
  stop(): void {
    this.#stopped = true;
  }

  async #look(happening: string): Promise<Figures | undefined> {
    await sleep(Math.max(0, this.#next * 1000 - (performance.now() - this.#started)));
    if (this.#stopped) return undefined;
    const seconds = (performance.now() - this.#started) / 1000;
    this.#next = Math.floor(seconds + 0.5) + 1;
    // Before the page: what it shows then can't be less.
    const { acknowledged } = this.#traffic.total;
    const slowestMs = this.#traffic.takeSlowest();
    const figures = await this.#server.figures();
    const mongodb = figures?.mongodb ?? "-";
    const second = { seconds, happening, acknowledged, figures, slowestMs, mongodb };
    this.seconds.push(second);
    printSecond(second);
    if (figures === undefined) return undefined;
    const { counted } = figures;
    if (counted < this.#counted) this.wrong.push(`second ${Math.round(seconds)}: the count fell to ${counted}`);
    if (counted < acknowledged) this.wrong.push(`second ${Math.round(seconds)}: ${acknowledged} were acknowledged`);
    this.#counted = counted;
    this.mostPending = Math.max(this.mostPending, figures.pending);
    if (mongodb !== "up") this.slowestWithoutMongoMs = Math.max(this.slowestWithoutMongoMs, slowestMs ?? 0);
    return figures;
  }
}
