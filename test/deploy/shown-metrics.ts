import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of this project. */
export function projectFile(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

export function projectText(name: string): string {
  return readFileSync(projectFile(name), "utf8");
}

interface Query {
  readonly expr: string;
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly Query[];
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly Query[] };
}

export function dashboard(): Dashboard {
  return JSON.parse(projectText("deploy/grafana-dashboard.json")) as Dashboard;
}

/** Every query of the dashboard, with what Grafana puts in for its variables. */
export function dashboardQueries(): string[] {
  const { panels, annotations } = dashboard();
  return [...panels.flatMap(({ targets }) => targets), ...annotations.list].map(({ expr }) =>
    expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"),
  );
}

export function alertQueries(): string[] {
  const text = projectText("deploy/prometheus-rules.yml");
  return [...text.matchAll(/^ {8}expr: (.+)$/gm)].map(([, expr = ""]) => expr);
}

export interface Selector {
  readonly metric: string;
  /** Its conditions on labels: name and value, which may be an expression of alternatives. */
  readonly matchers: readonly { readonly label: string; readonly value: string }[];
}

/** The metrics that a query reads. */
export function selectorsIn(query: string): Selector[] {
  const bare = query.replace(/\b(by|without)\s*\([^)]*\)/g, "");
  return [...bare.matchAll(/\b([a-z]\w*)\b(?!\s*\()(?:\{([^}]*)\})?/g)]
    .filter(([, name = ""]) => name.includes("_") || name === "up")
    .map(([, metric = "", labels = ""]) => ({
      metric,
      matchers: [...labels.matchAll(/(\w+)\s*(?:=~|!=|!~|=)\s*"([^"]*)"/g)].map(([, label = "", value = ""]) => ({
        label,
        value,
      })),
    }));
}

/** The labels that a query groups by. */
export function groupedLabels(query: string): string[] {
  return [...query.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/\s*,\s*/));
}
