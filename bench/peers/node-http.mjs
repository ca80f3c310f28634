// The minimum that Node does for an answer: its HTTP server alone, with the same JSON. Nothing is stored.
import { createServer } from "node:http";
import { answer, listen } from "./answer.mjs";

const PREFIX = "/hits/";
let count = 0;
listen(
  createServer((request, response) => {
    if (request.method !== "POST" || !request.url.startsWith(PREFIX)) {
      response.writeHead(404).end();
      return;
    }
    count++;
    const body = JSON.stringify(answer(decodeURIComponent(request.url.slice(PREFIX.length)), count));
    const headers = { "Content-Type": "application/json; charset=utf-8", "Content-Length": Buffer.byteLength(body) };
    response.writeHead(202, headers).end(body);
  }),
);
