/** The package ships no types; this is the part of it that lock.ts uses. */
declare module "fs-native-extensions" {
  /** True once the exclusive lock on the whole file is held, false where somebody else has it. Throws system errors. */
  export function tryLock(fd: number): boolean;
}
