import { describeRuntime, parseProvider } from '@tandem/shared/engine';
import { failed, ok, type Finding } from '../finding.ts';
import type { Check } from '../run-checks.ts';

const BUILT_IN: ReadonlySet<string> = new Set(['cpu']);

/** Whether a provider that the build knows also runs here shows when models load. */
export const runtimeCheck: Check = {
  name: 'runtime',
  mend: 'npm ci',
  async run({ settings }) {
    const { version, providers } = await describeRuntime();
    const wanted = settings.providers.map(parseProvider).map((provider) => (typeof provider === 'string' ? provider : provider.name));
    const unknown = wanted.filter((name) => !providers.includes(name));
    const others = providers.filter((name) => !BUILT_IN.has(name));
    const found: Finding[] = [ok(`onnxruntime-node ${version}; execution providers: cpu${others.length === 0 ? '' : ` (and, where their libraries are installed, ${others.join(', ')})`}`)];
    for (const name of unknown) found.push(failed('provider_unknown', `--providers names ${name}, which this build of onnxruntime-node does not have`, `--providers ${providers.join(',')}    (those that it has), or install a build with ${name}`));
    return found;
  },
};
