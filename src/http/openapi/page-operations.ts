import { dashboardAssets } from "../dashboard/dashboard-page.js";
import { pageAssets } from "../page/page.js";
import { embedAssets } from "../script/embed.js";
import { type Group, type Json, type Operation, otherAnswer, withHeaders } from "./operation.js";

const HTML = "text/html";

const NOT_MODIFIED: Json = {
  description: "The copy that `If-None-Match` names still stands.",
  ...withHeaders(["ETag"]),
};

/** Style sheets and modules of the pages: each under its name. */
const assets: Group = Object.fromEntries(
  [...pageAssets, ...embedAssets, ...dashboardAssets].map(([name, { type }]) => [
    `/${name}`,
    { get: asset(name, type) },
  ]),
);

function asset(name: string, type: string): Operation {
  return {
    operationId: name.replaceAll(/[.-]/g, "_"),
    tags: ["Pages"],
    summary: `A part of a page: ${name}`,
    security: "open",
    answers: { 200: otherAnswer("The file.", type.split(";", 1)[0] ?? "") },
  };
}

export const pageOperations: Group = {
  "/": {
    get: {
      operationId: "home",
      tags: ["Pages"],
      summary: "The page that counts its own views, live",
      description: "Counts a hit of `home`; HEAD, prefetches and `peek` don't. Comes also when the hit is refused.",
      security: "bearer",
      parameters: [
        {
          name: "peek",
          in: "query",
          description: "Only look.",
          schema: { type: "string" },
          allowEmptyValue: true,
          example: "",
        },
      ],
      answers: { 200: otherAnswer("The page.", HTML, ["Hit-Not-Counted", "Hit-Unknown"]) },
      refusals: { name: "Home", codes: ["INVALID_QUERY"] },
    },
  },
  "/dashboard": {
    get: {
      operationId: "dashboard",
      tags: ["Pages"],
      summary: "The operator's page: how the server, its log and MongoDB are doing",
      description: "Holds no data itself, and asks for the token where one is needed.",
      security: "open",
      answers: { 200: otherAnswer("The page.", HTML) },
    },
  },
  "/embed": {
    get: {
      operationId: "embed",
      tags: ["Pages"],
      summary: "What to paste into a page of your own",
      security: "open",
      answers: { 200: otherAnswer("The page.", HTML) },
    },
  },
  "/hits.js": {
    get: {
      operationId: "hitsScript",
      tags: ["Pages"],
      summary: "The script for pages of your own",
      description: "May be kept for an hour; comes compressed to whoever takes that.",
      security: "open",
      answers: { 200: otherAnswer("The script.", "text/javascript", ["ETag"]), 304: NOT_MODIFIED },
    },
  },
  "/openapi.json": {
    get: {
      operationId: "openapi",
      tags: ["Pages"],
      summary: "This description",
      security: "open",
      answers: {
        200: {
          description: "OpenAPI 3.1.",
          ...withHeaders(["ETag"]),
          content: { "application/json": { schema: { type: "object", additionalProperties: true } } },
        },
        304: NOT_MODIFIED,
      },
    },
  },
  ...assets,
};
