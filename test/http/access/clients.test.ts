import { test } from "uvu";
import * as assert from "uvu/assert";
import { networkOf } from "../../../src/http/access/clients.js";

test("clients are distinguished by IPv4 address, or by the first half of an IPv6 address", () => {
  const table: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::9", "2001:db8:1:2"],
    ["2001:DB8:0001:0002::", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["", ""],
    ["unknown", "unknown"],
  ];
  for (const [address, network] of table) assert.is(networkOf(address), network, address);
});

test.run();
