import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Writable } from "node:stream";
import { systemCode } from "../../errors.js";
import type { FileSystem } from "../../wal/file-system.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { invalidArgument } from "../terminal/options.js";
import { Output } from "../terminal/output.js";

export interface ExportFileOptions {
  /** Nothing is written into it. */
  readonly directory: LogDirectory;
  readonly force: boolean;
  /** Written where it is to be, so that others can follow it; else it is there whole or not at all. */
  readonly inPlace: boolean;
  readonly stderr: Writable;
}

/** A file that an export goes to. */
export class ExportFile {
  readonly output: Output;
  readonly #fs: FileSystem;
  readonly #file: string;
  readonly #written: string;
  readonly #handle: FileHandle;

  private constructor(fs: FileSystem, file: string, written: string, handle: FileHandle, stderr: Writable) {
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

  /** Throws `INVALID_ARGUMENT` for a file that is there and may not be replaced, and for one in the log directory. */
  static async open(given: string, options: ExportFileOptions): Promise<ExportFile> {
    const { directory, force, inPlace, stderr } = options;
    const file = await realFile(given, directory.path);
    const there = await stat(file).catch(nothingThere);
    if (there !== undefined && !there.isFile())
      throw invalidArgument(`--output ${given} is no regular file: name another`);
    if (there !== undefined && !force) throw invalidArgument(`${given} is there already: --force replaces it`);
    const written = inPlace ? file : path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
    const handle = await open(written, inPlace && force ? "w" : "wx");
    return new ExportFile(directory.fs, file, written, handle, stderr);
  }

  /** Makes what was written durable, under its name. */
  async keep(): Promise<void> {
    await this.output.flush();
    await this.#handle.sync();
    await this.#handle.close();
    if (this.#written !== this.#file) await rename(this.#written, this.#file);
    await this.#fs.syncDirectory(path.dirname(this.#file));
  }

  /** Takes away what was begun; what was written in place stays. Never rejects. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    if (this.#written !== this.#file) await rm(this.#written, { force: true }).catch(() => undefined);
  }
}

/** The file itself where the path is a link to it, since a link would be replaced, and not what it leads to. */
async function realFile(given: string, directory: string): Promise<string> {
  const parent = await realpath(path.dirname(given)).catch((error: unknown) => {
    if (nothingThere(error) === undefined) throw invalidArgument(`--output ${given}: there is no such directory`);
    return "";
  });
  const file = (await realpath(given).catch(nothingThere)) ?? path.join(parent, path.basename(given));
  const log = (await realpath(directory).catch(nothingThere)) ?? directory;
  if (`${file}${path.sep}`.startsWith(`${log}${path.sep}`)) {
    throw invalidArgument(
      `--output ${given} lies in the log directory, where nothing but the log belongs: name another`,
    );
  }
  return file;
}

function nothingThere(error: unknown): undefined {
  if (systemCode(error) !== "ENOENT") throw error;
}
