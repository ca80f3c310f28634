import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { HitsError, systemCode } from "../errors.js";
import type { Logger } from "../model/logger.js";
import { problemHeaders, sendProblem } from "./answer.js";
import { type Problem, problemOf } from "./problem.js";

/** How long a client has to read the answer before its connection is cut. */
const LINGER_MS = 1000;

/** Methods that some route has, for requests whose method node itself doesn't know. */
const ALLOW = "GET, HEAD, POST, OPTIONS";

/**
 * Answers what node's parser made of a connection: a request that isn't HTTP, is too slow, or has too much header.
 * `last` is the response to the request that came before on this connection, where there was one. Closes the
 * connection.
 */
export function answerClientError(
  error: Error,
  socket: Duplex,
  last: ServerResponse | undefined,
  logger: Logger,
): void {
  const code = systemCode(error);
  if (!socket.writable || code === "ECONNRESET" || code === "EPIPE") socket.destroy();
  else if (last !== undefined && !last.req.complete) answerWithin(last, error, socket, logger);
  else if (last === undefined || last.writableFinished) answerRaw(error, socket, logger);
  // The bad request came behind one that is still being answered: its turn comes after that answer.
  else last.once("finish", () => answerRaw(error, socket, logger));
}

/** For an error in the body of a request: its answer, unless it has one already. */
function answerWithin(response: ServerResponse, error: Error, socket: Duplex, logger: Logger): void {
  if (response.headersSent) socket.destroy();
  else {
    response.shouldKeepAlive = false;
    sendProblem(response, problemOf(reasonOf(error), logger, response.req));
  }
}

/** Answers a CONNECT, which node takes for a tunnel, not for a request. */
export function answerConnect(socket: Duplex, logger: Logger): void {
  writeRaw(socket, problemOf(methodUnknown(), logger, undefined), ["Allow", ALLOW]);
}

function answerRaw(error: Error, socket: Duplex, logger: Logger): void {
  const reason = reasonOf(error);
  writeRaw(socket, problemOf(reason, logger, undefined), reason.code === "METHOD_NOT_ALLOWED" ? ["Allow", ALLOW] : []);
}

function reasonOf(error: Error): HitsError {
  switch (systemCode(error)) {
    case "HPE_HEADER_OVERFLOW":
      return new HitsError("HEADERS_TOO_LARGE", "the request's header is larger than is allowed");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HitsError("REQUEST_TIMEOUT", "the request took too long to arrive: nothing was counted");
    case "HPE_INVALID_URL":
      return new HitsError("BAD_REQUEST", "the request's path or query has bytes in it that must be percent-encoded");
    case "HPE_INVALID_METHOD":
      return looksLikeHttp(error) ? methodUnknown() : notHttp();
    default:
      return notHttp();
  }
}

function methodUnknown(): HitsError {
  return new HitsError("METHOD_NOT_ALLOWED", `no path here has this method: ${ALLOW} are known`);
}

function notHttp(): HitsError {
  return new HitsError("BAD_REQUEST", "the request is not valid HTTP/1.1");
}

/** Whether the line that the parser stumbled over is a request line, its method aside. */
function looksLikeHttp(error: Error): boolean {
  if (!("rawPacket" in error && error.rawPacket instanceof Uint8Array)) return false;
  const packet = Buffer.from(error.rawPacket).toString("latin1");
  const stumbled = "bytesParsed" in error && typeof error.bytesParsed === "number" ? error.bytesParsed : 0;
  const line = packet.slice(stumbled === 0 ? 0 : packet.lastIndexOf("\n", stumbled - 1) + 1);
  return /^[A-Za-z-]{1,32} \S+ HTTP\/1\.[01]\r?\n/.test(line);
}

function writeRaw(socket: Duplex, problem: Problem, more: readonly string[]): void {
  if (!socket.writable) return;
  const headers = problemHeaders(problem, ["Connection", "close", "Date", new Date().toUTCString(), ...more]);
  let head = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  socket.end(`${head}\r\n${problem.body}`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
