import { TandemError } from '../errors/index.ts';

/** Why a registry or a model cannot be used; stable. */
export type RegistryErrorCode =
  | 'registry_invalid' // registry.json, or one entry of it, cannot be used
  | 'model_missing' // a file that the registry names does not exist
  | 'model_hash_mismatch' // a file is not the one that was released
  | 'model_tensors_mismatch' // a graph's inputs or outputs differ from what the registry declares
  | 'model_load_failed'; // the runtime refuses the file, or its warm-up fails

/** A registry or a model that cannot be used. The message names the file and the reason. */
export class RegistryError extends TandemError {
  declare readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, file: string, reason: string, cause?: unknown) {
    super(`${file}: ${reason}`, { code, cause });
  }
}
