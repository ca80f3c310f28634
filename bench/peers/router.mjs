// `POST /hits/:counter` with Koa and its router, as most would write it.
import { createServer } from "node:http";
import Router from "@koa/router";
import Koa from "koa";
import { answer, listen } from "./answer.mjs";

/** @param {(counter: string) => number | Promise<number>} hit returns the count with this hit */
export function serve(hit) {
  const app = new Koa();
  const router = new Router();
  router.post("/hits/:counter", async (ctx) => {
    const { counter } = ctx.params;
    const count = await hit(counter);
    ctx.status = 202;
    ctx.body = answer(counter, count);
  });
  app.use(router.routes());
  listen(createServer(app.callback()));
}
