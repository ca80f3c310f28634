import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import Router from "@koa/router";
import Koa from "koa";
import { LineReader } from "../src/hit/bulk-lines.js";
import { createApp } from "../src/http/app.js";
import type { Hit } from "../src/model/hit.js";
import { FakeLogger, FakeServices } from "../test/http/fake-services.js";
import { KeptEntries } from "../test/support/kept-entries.js";
import { counterNames } from "./counter-names.js";
import type { Part, Parts } from "./part.js";

const LINES = 1000;
const REQUESTS = 200;
const NAMES = counterNames(LINES);

/** Lines of a bulk request, and Koa's part of a hit, without a socket and without a log. */
export async function httpParts(): Promise<Parts> {
  return { list: [...lineParts(), routePart()], close: async () => undefined };
}

function lineParts(): Part[] {
  const kinds = [
    { name: "only the counter", line: (counter: string) => ({ counter }) },
    { name: "n and at", line: (counter: string) => ({ counter, n: 5, at: "2026-01-15T12:00:00.000Z" }) },
    {
      name: "id and payload",
      line: (counter: string, i: number) => ({ counter, id: `key-${i}`, payload: { path: "/a/page", tags: [1, 2] } }),
    },
  ];
  return kinds.map(({ name, line }) => {
    const text = NAMES.map((counter, i) => JSON.stringify(line(counter, i))).join("\n");
    const body = Buffer.from(text);
    return {
      name: `NDJSON lines, ${name}`,
      units: LINES,
      run: () => {
        const entries = new KeptEntries();
        const reader = new LineReader(body, Date.now(), entries);
        while (reader.read(LINES));
        if (entries.hits.length !== LINES) throw new Error("a line of this benchmark was rejected");
      },
      limit: {
        name: "JSON.parse of each line",
        run: () => {
          for (const one of text.split("\n")) JSON.parse(one);
        },
      },
    };
  });
}

/** Takes every hit at once. */
class InstantServices extends FakeServices {
  #count = 0;

  override record(_hit: Hit) {
    return Promise.resolve({ offset: this.#count++, count: this.#count, replayed: false });
  }
}

type Listener = ReturnType<Koa["callback"]>;

function routePart(): Part {
  const ours = createApp(new InstantServices(), new FakeLogger()).callback();
  const bare = bareRoute();
  return {
    name: "Koa route, POST /hits/:counter",
    units: REQUESTS,
    run: () => answerAll(ours),
    limit: { name: "Koa + router, the same JSON", run: () => answerAll(bare) },
  };
}

function bareRoute(): Listener {
  let count = 0;
  const router = new Router();
  router.post("/hits/:counter", (ctx) => {
    count++;
    ctx.status = 202;
    ctx.body = { counter: ctx["params"]["counter"], offset: count - 1, count };
  });
  return new Koa().use(router.routes()).callback();
}

const socket = new Socket();

/** Sends one request after another, each into a response that nothing reads. */
async function answerAll(listener: Listener): Promise<void> {
  for (let i = 0; i < REQUESTS; i++) {
    const req = new IncomingMessage(socket);
    req.method = "POST";
    req.url = "/hits/home";
    req.headers = { host: "127.0.0.1:3000" };
    req.complete = true;
    const res = new ServerResponse(req);
    await listener(req, res);
    if (res.statusCode !== 202 || !res.writableEnded)
      throw new Error(`a request of this benchmark got ${res.statusCode}`);
  }
}
