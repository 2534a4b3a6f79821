import { readFile } from 'node:fs/promises';
import { TandemError, messageOf } from '@tandem/shared/errors';

/** @throws {TandemError} `experiment_invalid` */
export async function readExperimentFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new TandemError(`${file} cannot be read: ${messageOf(error)}; docs/examples/experiment.json is one`, { code: 'experiment_invalid', cause: error });
  }
}
