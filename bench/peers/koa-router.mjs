// The reference for the HTTP figures: bare Koa and its router, answering the same JSON from memory. Nothing is stored.
import { createServer } from "node:http";
import Router from "@koa/router";
import Koa from "koa";
import { answer, listen } from "./answer.mjs";

const app = new Koa();
const router = new Router();
let count = 0;
router.post("/hits/:counter", (ctx) => {
  count++;
  ctx.status = 202;
  ctx.body = answer(ctx.params.counter, count);
});
app.use(router.routes());
listen(createServer(app.callback()));
