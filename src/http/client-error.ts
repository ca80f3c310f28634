import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { HitsError, systemCode } from "../errors.js";
import type { Logger } from "../model/services.js";
import { problemHeaders, sendProblem } from "./answer.js";
import { type Problem, problemOf } from "./problem.js";

/** The time that a client has to read the answer before its connection is closed. */
const LINGER_MS = 1000;

/** The methods that any route has: the answer to a method that node does not know. */
const ALLOW = "GET, HEAD, POST, OPTIONS";

/** A connection on which node's parser failed. */
export interface FailedConnection {
  readonly socket: Duplex;
  /** The response to the latest request on this connection, if there was one. */
  readonly last: ServerResponse | undefined;
  readonly logger: Logger;
}

/**
 * Answers an error of node's parser: a request that isn't HTTP, is too slow, or has too large a header. Closes the
 * connection.
 */
export function answerClientError(error: Error, { socket, last, logger }: FailedConnection): void {
  const code = systemCode(error);
  if (!socket.writable || code === "ECONNRESET" || code === "EPIPE") socket.destroy();
  else if (last !== undefined && !last.req.complete) {
    // The error is in the body of a request, which may have been answered already.
    if (last.headersSent) socket.destroy();
    else {
      last.shouldKeepAlive = false;
      sendProblem(last, problemOf(reasonOf(error), { logger, request: last.req }));
    }
  } else if (last === undefined || last.writableFinished) answerRaw(error, socket, logger);
  // A request before this one is still being answered: this answer has to wait for that one.
  else last.once("finish", () => answerRaw(error, socket, logger));
}

/** Answers a CONNECT, which node treats as a tunnel, not as a request. */
export function answerConnect(socket: Duplex, logger: Logger): void {
  writeRaw(socket, problemOf(unknownMethod(), { logger, request: undefined }), ["Allow", ALLOW]);
}

function answerRaw(error: Error, socket: Duplex, logger: Logger): void {
  const reason = reasonOf(error);
  const problem = problemOf(reason, { logger, request: undefined });
  writeRaw(socket, problem, reason.code === "METHOD_NOT_ALLOWED" ? ["Allow", ALLOW] : []);
}

function reasonOf(error: Error): HitsError {
  switch (systemCode(error)) {
    case "HPE_HEADER_OVERFLOW":
      return new HitsError("HEADERS_TOO_LARGE", "the request's header is too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HitsError("REQUEST_TIMEOUT", "not counted: the request took too long to arrive");
    case "HPE_INVALID_URL":
      return new HitsError("BAD_REQUEST", "the request's path or query has bytes that must be percent-encoded");
    case "HPE_INVALID_METHOD":
      return looksLikeHttp(error) ? unknownMethod() : notHttp();
    default:
      return notHttp();
  }
}

function unknownMethod(): HitsError {
  return new HitsError("METHOD_NOT_ALLOWED", `unknown method; allowed: ${ALLOW}`);
}

function notHttp(): HitsError {
  return new HitsError("BAD_REQUEST", "the request is not valid HTTP/1.1");
}

/** Returns true if the line on which the parser failed is a request line, apart from its method. */
function looksLikeHttp(error: Error): boolean {
  if (!("rawPacket" in error && error.rawPacket instanceof Uint8Array)) return false;
  const packet = Buffer.from(error.rawPacket).toString("latin1");
  const failedAt = "bytesParsed" in error && typeof error.bytesParsed === "number" ? error.bytesParsed : 0;
  const line = packet.slice(failedAt === 0 ? 0 : packet.lastIndexOf("\n", failedAt - 1) + 1);
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
