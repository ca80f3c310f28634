// Koa without a router, answering the same JSON from memory. Nothing is stored.
import { createServer } from "node:http";
import Koa from "koa";
import { answer, listen } from "./answer.mjs";

const PREFIX = "/hits/";
const app = new Koa();
let count = 0;
app.use((ctx) => {
  if (ctx.method !== "POST" || !ctx.path.startsWith(PREFIX)) return;
  count++;
  ctx.status = 202;
  ctx.body = answer(decodeURIComponent(ctx.path.slice(PREFIX.length)), count);
});
listen(createServer(app.callback()));
