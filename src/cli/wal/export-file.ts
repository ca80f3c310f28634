import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Writable } from "node:stream";
import { systemCode } from "../../errors.js";
import type { FileSystem } from "../../wal/file-system.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { invalidArgument } from "../terminal/options.js";
import { Output } from "../terminal/output.js";

export interface ExportFileOptions {
  /** The log directory: no file in it is accepted. */
  readonly directory: LogDirectory;
  readonly force: boolean;
  /** Written under its own name, so that others can follow it; else it appears complete or not at all. */
  readonly inPlace: boolean;
  readonly stderr: Writable;
}

interface OpenExport {
  readonly fs: FileSystem;
  readonly file: string;
  readonly written: string;
  readonly handle: FileHandle;
  readonly stderr: Writable;
}

/** The output file of an export. */
export class ExportFile {
  readonly output: Output;
  readonly #fs: FileSystem;
  readonly #file: string;
  /** The path that is written, until `keep` renames it. */
  readonly #written: string;
  readonly #handle: FileHandle;

  private constructor({ fs, file, written, handle, stderr }: OpenExport) {
    this.#fs = fs;
    this.#file = file;
    this.#written = written;
    this.#handle = handle;
    const results = new Writable({
      write(chunk: Buffer, _encoding, done) {
        handle.appendFile(chunk).then(() => done(), done);
      },
    });
    this.output = new Output(results, stderr);
  }

  /** Throws `INVALID_ARGUMENT` for an existing file without `force`, and for one in the log directory. */
  static async open(given: string, options: ExportFileOptions): Promise<ExportFile> {
    const { directory, force, inPlace, stderr } = options;
    const file = await realFile(given, directory.path);
    const existing = await stat(file).catch(ignoreMissing);
    if (existing !== undefined && !existing.isFile())
      throw invalidArgument(`--output ${given} is not a regular file: name another`);
    if (existing !== undefined && !force) throw invalidArgument(`${given} exists already: --force replaces it`);
    const written = inPlace ? file : path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
    const handle = await open(written, inPlace && force ? "w" : "wx");
    return new ExportFile({ fs: directory.fs, file, written, handle, stderr });
  }

  /** Makes what was written durable, under its name. */
  async keep(): Promise<void> {
    await this.output.flush();
    await this.#handle.sync();
    await this.#handle.close();
    if (this.#written !== this.#file) await rename(this.#written, this.#file);
    await this.#fs.syncDirectory(path.dirname(this.#file));
  }

  /** Removes an unfinished file, except one written in place. Never rejects. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    if (this.#written !== this.#file) await rm(this.#written, { force: true }).catch(() => undefined);
  }
}

/** Resolves a path to the file itself: if it is a link, the link would be replaced and not its target. */
async function realFile(given: string, directory: string): Promise<string> {
  const parent = await realpath(path.dirname(given)).catch((error: unknown) => {
    if (ignoreMissing(error) === undefined) throw invalidArgument(`--output ${given}: there is no such directory`);
    return "";
  });
  const file = (await realpath(given).catch(ignoreMissing)) ?? path.join(parent, path.basename(given));
  const log = (await realpath(directory).catch(ignoreMissing)) ?? directory;
  if (`${file}${path.sep}`.startsWith(`${log}${path.sep}`)) {
    throw invalidArgument(`--output ${given} is in the log directory, which is for the log only: name another`);
  }
  return file;
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) !== "ENOENT") throw error;
}
