import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './processes.ts';

/** PEM files. */
export interface Certificate {
  cert: string;
  key: string;
  /** Key and certificate in one file, as Kafka's PEM keystores want them. */
  both: string;
}

export interface CertificateOptions {
  /** @default subject alternative names 127.0.0.1 and localhost */
  altNames?: string;
  /** Below 0: it has expired. @default 2 */
  days?: number;
}

/** An authority of the test's own, which signs certificates for 127.0.0.1 (openssl has to be on the PATH). */
export class Authority {
  readonly ca: string;
  readonly #folder: string;
  #made = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.ca = join(folder, 'ca.pem');
  }

  static async create(): Promise<Authority> {
    const authority = new Authority(temporaryFolder('tandem-certificates-'));
    const key = join(authority.#folder, 'ca.key');
    await openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=test authority', '-keyout', key, '-out', authority.ca);
    return authority;
  }

  async issue(commonName: string, { altNames = 'IP:127.0.0.1,DNS:localhost', days = 2 }: CertificateOptions = {}): Promise<Certificate> {
    const base = join(this.#folder, `${++this.#made}`);
    const [cert, key, both, extensions] = [`${base}.pem`, `${base}.key`, `${base}.both.pem`, `${base}.cnf`];
    writeFileSync(extensions, `subjectAltName=${altNames}\n`);
    await openssl('req', ...NEW_KEY, '-subj', `/CN=${commonName}`, '-keyout', key, '-out', `${base}.csr`);
    await openssl('x509', '-req', '-in', `${base}.csr`, '-CA', this.ca, '-CAkey', join(this.#folder, 'ca.key'), '-CAcreateserial', '-days', String(days), '-extfile', extensions, '-out', cert);
    writeFileSync(both, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
    return { cert, key, both };
  }
}

// Unencrypted PKCS #8, as Kafka reads it; quick to make.
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

async function openssl(...args: string[]): Promise<void> {
  await promisify(execFile)('openssl', args, { timeout: 30_000 });
}
