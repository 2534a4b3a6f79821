import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { TandemError, messageOf } from '@tandem/shared/errors';

/** The files of a job, and all that it ever does to them: tests end a process between any two of these. */
export interface JobFiles {
  /** The state, if there is one. */
  readState(): Promise<string | undefined>;
  /** All or nothing, and durable. */
  writeState(text: string): Promise<void>;
  /** Bytes in the output; undefined: there is none. */
  outputSize(): Promise<number | undefined>;
  /** Opens the output for appending, cut to a size. */
  openOutput(bytes: number): Promise<void>;
  readOutput(): AsyncIterable<Buffer>;
  append(data: Buffer): Promise<void>;
  /** What was appended is durable afterwards. */
  sync(): Promise<void>;
  /** Begins the error report anew. */
  openErrors(): Promise<void>;
  reportErrors(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface JobPaths {
  output: string;
  state: string;
  errors: string;
}

export function pathsOf(output: string): JobPaths {
  return { output, state: `${output}.state.json`, errors: `${output}.errors.jsonl` };
}

/** The files of a job on disk. The state lies beside the output. */
export function diskFiles(paths: JobPaths): JobFiles {
  let output: FileHandle | undefined;
  let errors: FileHandle | undefined;
  return {
    readState: () => orUndefined(readFile(paths.state, 'utf8')),
    async writeState(text) {
      const temporary = `${paths.state}.tmp`;
      await using file = await open(temporary, 'w');
      await file.writeFile(text);
      await file.sync();
      await rename(temporary, paths.state);
    },
    outputSize: async () => (await orUndefined(stat(paths.output)))?.size,
    async openOutput(bytes) {
      output = await open(paths.output, bytes === 0 ? 'w' : 'r+').catch((error: unknown) => {
        throw new TandemError(`${paths.output} cannot be written: ${messageOf(error)}; name another --output`, { code: 'output_unwritable', cause: error });
      });
      await output.truncate(bytes);
      await output.close();
      output = await open(paths.output, 'a');
    },
    async *readOutput() {
      await using file = await open(paths.output, 'r');
      for await (const chunk of file.createReadStream({ autoClose: false })) yield chunk as Buffer;
    },
    append: async (data) => output?.appendFile(data),
    sync: async () => output?.datasync(),
    async openErrors() {
      errors = await open(paths.errors, 'w');
    },
    reportErrors: async (text) => errors?.appendFile(text),
    async close() {
      await output?.close();
      const left = errors === undefined ? undefined : (await errors.stat()).size;
      await errors?.close();
      if (left === 0) await rm(paths.errors, { force: true });
    },
  };
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
