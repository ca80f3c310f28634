import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NameOrder } from "../../src/projection/name-order.js";

test("pages: by prefix, after a name, up to a limit, as a filter of the sorted list gives them", () => {
  const name = fc.oneof(
    fc.string({ maxLength: 4, unit: fc.constantFrom("a", "b", "/", "é", "🎉", "\uffff") }),
    fc.string(),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 60 }),
      name,
      fc.option(name, { nil: undefined }),
      fc.integer({ min: 1, max: 20 }),
      (names, prefix, after, limit) => {
        const order = new NameOrder();
        for (const one of names) order.add(one);
        const expected = [...names]
          .sort()
          .filter((one) => one.startsWith(prefix) && (after === undefined || one > after))
          .slice(0, limit);
        assert.equal(order.page(prefix, after, limit), expected);
      },
    ),
  );
});

test("ordering a few at a time ends with all in order", () => {
  const order = new NameOrder();
  for (let i = 0; i < 1000; i++) order.add(`name ${(i * 7919) % 1009}`);
  let steps = 1;
  while (order.orderSome(0)) steps++;
  assert.ok(steps > 1, "one step does not do it all");
  assert.is(order.page("", undefined, 2000).length, 1000);
  order.add("name 1");
  assert.is(order.orderSome(0), false);
});

test.run();
