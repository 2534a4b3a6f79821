import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isOnPath } from './processes.ts';

const POM = join(import.meta.dirname, 'kafka', 'pom.xml');

/** As the pom names it. */
export const KAFKA_VERSION = /<kafka\.version>(.*)<\/kafka\.version>/.exec(readFileSync(POM, 'utf8'))?.[1] ?? 'unknown';

/** What is missing for a local broker, in words; undefined when nothing is. */
export function missingForLocalKafka(): string | undefined {
  const missing = [...(isOnPath('java') ? [] : ['java (17 or later)']), ...(isOnPath('mvn') || existsSync(folder()) ? [] : ['mvn'])];
  return missing.length === 0 ? undefined : missing.join(' and ');
}

/** The folder with Kafka's jars, fetched from Maven Central once and kept under ~/.cache/tandem. */
export async function kafkaJars(): Promise<string> {
  const target = folder();
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const temporary = mkdtempSync(`${target}-`);
  try {
    const copy = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${temporary}`];
    await promisify(execFile)('mvn', copy, { timeout: 300_000 });
    renameSync(temporary, target);
  } catch (error) {
    // Whoever was faster has put the same jars there.
    if (!existsSync(target)) throw new Error(`Could not fetch Kafka ${KAFKA_VERSION} with Maven`, { cause: error });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return target;
}

function folder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tandem', `kafka-${KAFKA_VERSION}`);
}
