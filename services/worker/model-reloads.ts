import { setTimeout as pause } from 'node:timers/promises';
import { topicName, variantSchema, type GraphSpec, type Variant } from '@tandem/schemas';
import { checkGolden, type Golden, type LoadedVariant } from '@tandem/shared/engine';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { LogRecord, Tail } from '@tandem/shared/log';
import type { Dispatcher } from './dispatcher.ts';
import { heldPool, prefixesOf, prefixShare } from './load-prefixes.ts';
import type { WorkerStageOptions } from './options.ts';
import type { Residency } from './residency.ts';
import type { ServedVariant } from './served-variant.ts';

const RETRY_MS = 1_000;
/** A batch of the variant that runs longer than this is let be; the switch is tried again a while later. */
const PATIENCE_MS = 1_000;
const TRIES = 60;

export interface ModelReloadsOptions extends WorkerStageOptions {
  served: readonly ServedVariant[];
  dispatcher: Pick<Dispatcher, 'betweenBatches'>;
  residency: Pick<Residency, 'whileLoaded'>;
}

/**
 * Follows the topic `models`: a record overrides the registry's entry of its variant, a tombstone takes that back. The new
 * version is loaded beside the old one, warmed up and checked by golden inputs, and takes over between two batches. Where
 * anything of that fails, the old one goes on, and log and heartbeats say so.
 */
export class ModelReloads {
  readonly #options: ModelReloadsOptions;
  #tail: Tail | undefined;
  #stopped = false;
  /** One reload after the other: two at once would need the memory of both. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: ModelReloadsOptions) {
    this.#options = options;
  }

  /** Goes on in the background: work does not wait for it. */
  start(): void {
    void this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#tail?.close();
    await this.#work;
  }

  async #listen(): Promise<void> {
    const { log, prefix, logger } = this.#options;
    while (!this.#stopped && this.#tail === undefined) {
      try {
        const tail = await log.tail({ topic: topicName(prefix, 'models'), onRecord: (record) => this.#heard(record), onFault: (err) => logger.warn({ err }, 'releases cannot be read; trying again') });
        if (this.#stopped) await tail.close();
        else this.#tail = tail;
      } catch (err) {
        // A topic that is not there yet, or a broker that is away.
        logger.debug({ err }, 'releases cannot be followed yet; trying again');
        await pause(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  #heard({ key, value }: LogRecord): void {
    const served = this.#options.served.find(({ name }) => name === key);
    if (served === undefined || this.#options.pinned?.has(served.name) === true) return;
    this.#work = this.#work.then(() => this.#apply(served, value));
  }

  async #apply(served: ServedVariant, value: Buffer | null): Promise<void> {
    if (this.#stopped) return;
    const { logger } = this.#options;
    let version = 'unreadable';
    try {
      const wanted = value === null ? this.#registered(served) : variantSchema.parse(JSON.parse(value.toString('utf8')));
      ({ version } = wanted);
      if (fingerprint(wanted) === fingerprint(served.variant)) return served.reloaded();
      await this.#options.residency.whileLoaded(served, () => this.#reload(served, wanted));
      logger.info({ variant: served.name, version }, `${served.name} version ${version} serves now`);
    } catch (err) {
      served.refused(version, messageOf(err));
      logger.warn({ err, variant: served.name, version, instead: served.variant.version }, `${served.name} version ${version} is not taken: ${messageOf(err)}; version ${served.variant.version} goes on`);
    }
  }

  #registered({ name, variant: { model, precision } }: ServedVariant): Variant {
    const found = this.#options.variants.find((variant) => variant.model === model && variant.precision === precision);
    if (found === undefined) throw new TandemError(`the registry has no ${name}`, { code: 'unknown_variant' });
    return found;
  }

  async #reload(served: ServedVariant, wanted: Variant): Promise<void> {
    const { engine, dispatcher } = this.#options;
    requireAlike(served, wanted);
    const share = prefixShare(this.#options);
    const loaded = await engine.load(wanted, heldPool(served.adapter, wanted, share));
    try {
      await this.#validate(loaded, served);
      const prefixes = prefixesOf(loaded, served.adapter, this.#options);
      let old: LoadedVariant | undefined;
      for (let tries = 1; !(await dispatcher.betweenBatches(served, () => (old = served.replace(loaded, prefixes)), PATIENCE_MS)); tries += 1) {
        if (tries >= TRIES || this.#stopped) throw new TandemError('its batches do not end, so there is no moment to switch', { code: 'variant_busy' });
        await pause(RETRY_MS);
      }
      await old?.unload();
    } catch (error) {
      if (served.loaded !== loaded) await loaded.unload();
      throw error;
    }
  }

  /** The registry's golden answers are of the version that it names, unless they name one themselves. */
  async #validate(loaded: LoadedVariant, served: ServedVariant): Promise<void> {
    const golden: Golden | undefined = await this.#options.golden?.();
    const { model, precision, version } = loaded.variant;
    const registered = this.#registered(served).version;
    const cases = golden?.cases.filter((each) => each.model === model && each.precision === precision && (each.version ?? registered) === version) ?? [];
    for (const each of cases) {
      const difference = await checkGolden(loaded, each, golden?.tolerance ?? 0);
      if (difference !== undefined) throw new TandemError(difference, { code: 'golden_differs' });
    }
  }
}

function fingerprint({ status: _status, ...variant }: Variant): string {
  return JSON.stringify(variant);
}

/** What is on its way, and every other stage, counts on tensors, adapter, labels and catalogue as they are. */
function requireAlike({ variant, adapter }: ServedVariant, wanted: Variant): void {
  const refuse = (what: string) => {
    throw new TandemError(`${what}; start the stages with a registry that has it`, { code: 'not_hot_reloadable' });
  };
  if (adapter.decoding?.spec(variant) !== undefined) refuse('decoders are not reloaded while they run');
  if (wanted.adapter !== variant.adapter) refuse(`its adapter is ${wanted.adapter}, not ${variant.adapter}`);
  if (JSON.stringify(wanted.labels) !== JSON.stringify(variant.labels)) refuse('its labels differ');
  if (wanted.catalogue?.items !== variant.catalogue?.items) refuse('its catalogue differs');
  if (tensorsOf(wanted.graphs) !== tensorsOf(variant.graphs)) refuse('its graphs or their tensors differ');
}

function tensorsOf(graphs: Readonly<Record<string, GraphSpec>>): string {
  return JSON.stringify(Object.keys(graphs).sort().map((name) => [name, graphs[name]?.inputs, graphs[name]?.outputs]));
}
