/** A log for the operator, with the methods that this program uses of a pino logger. */
export interface Logger {
  /** For lines that are costly to build: check `isLevelEnabled` first. */
  debug?(fields: object, message: string): void;
  isLevelEnabled?(level: "debug"): boolean;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
