import { TandemError } from '../../errors/index.ts';

/** An ONNX Runtime execution provider by name, or with its options, for example `{ name: 'cuda', deviceId: 0 }`. */
export type ProviderConfig = string | ({ name: string } & Record<string, unknown>);

export function providerName(provider: ProviderConfig): string {
  return typeof provider === 'string' ? provider : provider.name;
}

/** Options that onnxruntime-node 1.30 hands on to a provider (js/node/src/session_options_helper.cc); it drops all others in silence. */
const HANDED_ON: Readonly<Record<string, readonly string[]>> = {
  cpu: [],
  cuda: ['deviceId'],
  tensorrt: ['deviceId'],
  dml: ['deviceId'],
  coreml: ['coreMlFlags'],
  qnn: ['backendType', 'backendPath', 'enableFp16Precision'],
};

/** Options of a provider that will have no effect; of providers that are not known here, none. */
export function droppedOptions(provider: ProviderConfig): string[] {
  const handedOn = typeof provider === 'string' ? undefined : HANDED_ON[provider.name];
  return handedOn === undefined ? [] : Object.keys(provider).filter((option) => option !== 'name' && !handedOn.includes(option));
}

/**
 * Reads `name[:option=value]…`, as `cuda:deviceId=1`. Whole numbers, `true` and `false` are taken as such.
 * @throws {TandemError} `invalid_options`
 */
export function parseProvider(text: string): ProviderConfig {
  const [name = '', ...options] = text.split(':');
  if (!/^[a-z0-9]+$/.test(name)) throw invalid(text);
  if (options.length === 0) return name;
  const entries = options.map((option) => {
    const [, key, value] = /^(\w+)=(.+)$/.exec(option) ?? [];
    if (key === undefined || value === undefined) throw invalid(text);
    return [key, valueOf(value)] as const;
  });
  return { ...Object.fromEntries(entries), name };
}

function valueOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+$/.test(text) ? Number(text) : text;
}

function invalid(text: string): TandemError {
  return new TandemError(`provider ${text}: name[:option=value]… is expected, as cpu or cuda:deviceId=0`, { code: 'invalid_options' });
}
