import * as z from "zod";
import { serviceStatus } from "./answer-schemas.js";
import { inlineSchema } from "./components.js";
import { type Group, jsonAnswer, otherAnswer, type Refusals } from "./operation.js";

const OPERATOR: Refusals = { name: "Operator", codes: ["UNAUTHORIZED"] };

const saying = (status: string) => inlineSchema(z.object({ status: z.literal(status) }));

export const operatorOperations: Group = {
  "/status": {
    get: {
      operationId: "status",
      tags: ["Operation"],
      summary: "The log, the projections, what was accepted and refused",
      security: "bearer",
      answers: { 200: jsonAnswer("How things stand.", serviceStatus) },
      refusals: OPERATOR,
    },
  },
  "/metrics": {
    get: {
      operationId: "metrics",
      tags: ["Operation"],
      summary: "The same and more as Prometheus text",
      security: "bearer",
      answers: { 200: otherAnswer("All figures.", "text/plain") },
      refusals: OPERATOR,
    },
  },
  "/healthz": {
    get: {
      operationId: "healthz",
      tags: ["Operation"],
      summary: "Whether the process lives",
      security: "open",
      answers: { 200: jsonAnswer("It does.", saying("ok")) },
    },
  },
  "/readyz": {
    get: {
      operationId: "readyz",
      tags: ["Operation"],
      summary: "Whether a hit would be accepted",
      description: "MongoDB does not matter here.",
      security: "open",
      answers: { 200: jsonAnswer("It would.", saying("ready")) },
      refusals: { name: "Ready", codes: ["QUEUE_FULL", "TOO_MANY_KEYS", "CLOSING", "DISK_FULL", "LOG_FAILED"] },
    },
  },
};
