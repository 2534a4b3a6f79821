import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { Logger } from '@tandem/shared/telemetry';
import { apiKeyFileSchema, ApiKeys, createApiKey, type ApiKey, type ApiKeyDraft } from './api-keys.ts';

const LOOK_EVERY_MS = 500;

function invalid(file: string, why: string, cause?: unknown): TandemError {
  return new TandemError(`${file} cannot be used as a file of API keys: ${why}. Make one with tandem gateway keys create --file ${file}`, { code: 'gateway_credentials', cause });
}

function parse(file: string, text: string): ApiKey[] {
  try {
    const parsed = apiKeyFileSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data.keys;
    const [issue] = parsed.error.issues;
    throw invalid(file, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong shape'}`);
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw invalid(file, 'it is not JSON', error);
  }
}

/** The keys of a file, which may change while the gateway runs: a key that is taken out ends within a second. */
export class KeyFile {
  readonly #file: string;
  readonly #onChange: () => void;
  #keys: ApiKeys;

  /** @throws {TandemError} `gateway_credentials` */
  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#keys = this.#read();
    this.#onChange = () => {
      try {
        this.#keys = this.#read();
        logger.info({ keys: this.#keys.size }, 'API keys read anew');
      } catch (err) {
        logger.error({ err }, 'the changed file of API keys cannot be used; the keys stay as they were');
      }
    };
    watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, this.#onChange);
  }

  get keys(): ApiKeys {
    return this.#keys;
  }

  close(): void {
    unwatchFile(this.#file, this.#onChange);
  }

  #read(): ApiKeys {
    try {
      return new ApiKeys(parse(this.#file, readFileSync(this.#file, 'utf8')));
    } catch (error) {
      if (error instanceof TandemError) throw error;
      throw invalid(this.#file, messageOf(error), error);
    }
  }
}

/** None where there is no file yet. @throws {TandemError} `gateway_credentials` */
export async function readApiKeys(file: string): Promise<ApiKey[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw invalid(file, messageOf(error), error);
  });
  return text === undefined ? [] : parse(file, text);
}

/** Adds a key to the file, which only its owner may read. @returns the key, which is kept nowhere */
export async function addApiKey(file: string, draft: ApiKeyDraft): Promise<{ key: string; entry: ApiKey }> {
  const made = createApiKey(draft, new Date());
  await change(file, (keys) => [...keys, made.entry]);
  return made;
}

/** @throws {TandemError} `unknown_key` */
export async function removeApiKey(file: string, id: string): Promise<ApiKey> {
  let removed: ApiKey | undefined;
  await change(file, (keys) => {
    removed = keys.find((key) => key.id === id);
    if (removed === undefined) throw new TandemError(`${file} has no key ${id}; tandem gateway keys list --file ${file} shows what it has`, { code: 'unknown_key' });
    return keys.filter((key) => key.id !== id);
  });
  return removed as unknown as ApiKey;
}

/** One writer at a time, and readers see the old file or the new one. */
async function change(file: string, edit: (keys: ApiKey[]) => ApiKey[]): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'wx', 0o600).catch((error: unknown) => {
    throw invalid(file, `${draft} cannot be made (${messageOf(error)}); if nobody else is changing keys, remove it`, error);
  });
  try {
    await handle.writeFile(`${JSON.stringify({ keys: edit(await readApiKeys(file)) }, undefined, 2)}\n`);
    await handle.sync();
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
