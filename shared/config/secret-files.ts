import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { TandemError, messageOf } from '../errors/index.ts';
import { flagName } from './flag-name.ts';
import { Secret } from './secret.ts';

/** Of TLS, as Node takes them. */
export interface TlsFiles {
  ca?: string;
  cert?: string;
  key?: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

export function invalidSetting(setting: string, problem: string): TandemError {
  return new TandemError(`${setting}: ${problem} (flag --${flagName(setting)})`, { code: 'settings_invalid' });
}

/** @throws {TandemError} `settings_invalid` when the file cannot be read or is empty */
export function readPasswordFile(setting: string, file: string): Secret {
  // An editor's or a mounted secret's line end is not part of the password.
  const text = read(setting, file).replace(/\r?\n$/, '');
  if (text === '') throw invalidSetting(setting, `${file} is empty`);
  return new Secret(text);
}

/**
 * Reads and checks the PEM files of `<server>Ca`, `<server>Cert` and `<server>Key`.
 * @throws {TandemError} `settings_invalid`: names the setting, the file and what is wrong with it
 */
export function readTlsFiles(server: 'kafka' | 'redis', files: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined }): TlsFiles {
  const { ca, cert, key } = files;
  const read: TlsFiles = {
    ...(ca === undefined ? {} : { ca: readCertificates(`${server}Ca`, ca) }),
    ...(cert === undefined ? {} : { cert: readCertificates(`${server}Cert`, cert) }),
    ...(key === undefined ? {} : { key: readKey(`${server}Key`, key) }),
  };
  if (read.key !== undefined) checkPair(server, read);
  return read;
}

function readCertificates(setting: string, file: string): string {
  const text = read(setting, file);
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw invalidSetting(setting, `${file} holds no PEM certificate (-----BEGIN CERTIFICATE-----)`);
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw invalidSetting(setting, `${file} holds a certificate that cannot be read: ${messageOf(error)}`);
  }
  return text;
}

function readKey(setting: string, file: string): string {
  const text = read(setting, file);
  if (!text.includes('PRIVATE KEY-----')) throw invalidSetting(setting, `${file} holds no PEM private key (-----BEGIN PRIVATE KEY-----)`);
  if (text.includes('ENCRYPTED')) throw invalidSetting(setting, `${file} is encrypted; give an unencrypted key that only this user can read`);
  return text;
}

function checkPair(server: string, { cert, key }: TlsFiles): void {
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw invalidSetting(`${server}Key`, `certificate and private key do not belong together or cannot be used: ${messageOf(error)}`);
  }
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw invalidSetting(setting, `cannot be read: ${messageOf(error)}`);
  }
}
