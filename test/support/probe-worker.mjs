// An ordinary client, in a thread of its own so that the loads of its process don't slow its clock: one hit after another
// over one connection. Reports the slowest answer, the one still waited for included.
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

const { url, everyMs } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const times = [];
let errors = 0;
let sentAt;
let isStopping = false;

function hit() {
  return new Promise((resolve) => {
    const req = request(url, { method: "POST", agent }, (res) => {
      res.resume().once("close", () => resolve(res.statusCode));
    });
    req.once("error", () => resolve(0));
    req.end();
  });
}

parentPort.once("message", () => {
  isStopping = true;
  if (sentAt !== undefined) times.push(performance.now() - sentAt);
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  parentPort.postMessage({ count: times.length, errors, p99Ms: at(0.99), slowestMs: at(1) });
  agent.destroy();
});

while (!isStopping) {
  sentAt = performance.now();
  const status = await hit();
  if (isStopping) break;
  times.push(performance.now() - sentAt);
  sentAt = undefined;
  if (status < 200 || status > 299) errors++;
  await sleep(everyMs);
}
