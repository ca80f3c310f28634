import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NameOrder } from "../../src/projection/name-order.js";

test("pages: by prefix, after a name, up to a limit, as a filter of the sorted list gives them", async () => {
  const name = fc.oneof(
    fc.string({ maxLength: 4, unit: fc.constantFrom("a", "b", "/", "é", "🎉", "\uffff") }),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 60 }),
      name,
      fc.option(name, { nil: undefined }),
      fc.integer({ min: 1, max: 20 }),
      async (names, prefix, after, limit) => {
        const order = new NameOrder();
        for (const one of names) order.add(one);
        const expected = [...names]
          .sort()
          .filter((one) => one.startsWith(prefix) && (after === undefined || one > after))
          .slice(0, limit);
        assert.equal(await order.page(prefix, after, limit), expected);
      },
    ),
  );
});

test("ordering a few at a time ends with all in order", async () => {
  const order = new NameOrder();
  for (let i = 0; i < 1000; i++) order.add(`name ${(i * 7919) % 1009}`);
  let steps = 1;
  while (order.orderSome(0)) {
    steps++;
    if (steps === 4) order.add("another");
  }
  assert.ok(steps > 5, `${steps} steps: one does not do it all`);
  assert.is((await order.page("", undefined, 2000)).length, 1001);
  order.add("name 1");
  assert.is(order.orderSome(0), false);
});

test("lists that come before all names are ordered wait for it together, in many turns of the event loop", async () => {
  const order = new NameOrder();
  const names = Array.from({ length: 200_000 }, (_, i) => `/page/${(i * 7919) % 1_000_003}`);
  for (const name of names) order.add(name);
  let turns = 0;
  const count = () => {
    turns++;
    turning = setImmediate(count);
  };
  let turning = setImmediate(count);
  const first = order.page("", undefined, 3);
  order.add("/aaa");
  const lists = await Promise.all([first, order.page("/page/9", undefined, 2), order.page("/a", undefined, 2)]);
  clearImmediate(turning);
  names.sort();
  assert.equal(lists[0].filter((name) => name !== "/aaa").slice(0, 2), names.slice(0, 2));
  assert.equal(lists.slice(1), [names.filter((name) => name.startsWith("/page/9")).slice(0, 2), ["/aaa"]]);
  assert.ok(turns >= 10, `${turns} turns for 200,000 names`);
});

test("a list waits for the names that were there before it, not for those that keep coming", async () => {
  const order = new NameOrder();
  let added = 0;
  const add = () => {
    for (let i = 0; i < 5000; i++) order.add(`name ${added++}`);
  };
  add();
  const adding = setInterval(add, 1);
  const names = await order.page("name 499", undefined, 1000);
  clearInterval(adding);
  for (let i = 4990; i < 5000; i++) assert.ok(names.includes(`name ${i}`));
});

test.run();
