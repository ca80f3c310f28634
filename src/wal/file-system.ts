/**
 * The file operations that the log needs. An interface, so that tests can fail or shorten the n-th call and rebuild the
 * states that a crash may leave on a disk. Errors are Node's own (`code` is `ENOENT`, `ENOSPC`, …).
 */
export interface FileSystem {
  /**
   * `read`: an existing file. `update`: an existing file, to write into. `create`: a new file to write into; `EEXIST`
   * if it exists. `durable`: an existing file to write into, whose writes are durable when they return if the platform
   * can do that (see `OpenFile.writesAreDurable`). None of these writes through a symbolic link.
   */
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  /** Resolves to the names in a directory, in no particular order. */
  list(directory: string): Promise<string[]>;
  /** Creates a directory and its parents; does nothing if it exists. Throws if it is a symbolic link. */
  makeDirectory(directory: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes the names in a directory (created, renamed, removed) durable. */
  syncDirectory(directory: string): Promise<void>;
}

export type OpenMode = "read" | "update" | "create" | "durable";

export interface OpenFile {
  /** True if a write that has returned is on stable storage (`O_DSYNC`): no `sync` needed. */
  readonly writesAreDurable: boolean;
  /** Reads up to `length` bytes at `position` of the file into `buffer` at `offset`; resolves to their number (0 at the end). */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Writes once; resolves to the number of bytes written. Fewer than `length` is a short write, for the caller to judge. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Makes the file's content and size durable (`fdatasync`). */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}
