/** The part of the package, which has no types, that lock.ts uses. */
declare module "fs-native-extensions" {
  /** Returns true once the exclusive lock on the whole file is held, false if another process has it. Throws system errors. */
  export function tryLock(fd: number): boolean;
}
