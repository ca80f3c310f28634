/** Where the HTTP side writes what an operator should see. A pino logger is one. */
export interface Logger {
  /** For what is worth it only where somebody looks: ask `isLevelEnabled` first. */
  debug?(fields: object, message: string): void;
  isLevelEnabled?(level: "debug"): boolean;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
