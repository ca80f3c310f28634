// The measure for the HTTP figures: bare Koa and its router, answering the same JSON from memory. Nothing is kept.
import Router from "@koa/router";
import Koa from "koa";

const app = new Koa();
const router = new Router();
let count = 0;
router.post("/hits/:counter", (ctx) => {
  count++;
  ctx.status = 202;
  ctx.body = { counter: ctx.params.counter, offset: count - 1, count };
});
app.use(router.routes());
const server = app.listen(Number(process.env.PORT), process.env.HOST, () => {
  console.log(`listening on http://${process.env.HOST}:${server.address().port}`);
});
