import type { Settings } from '@tandem/shared/config';
import { curveOf, describeHardware, loadProfile, profileLoaded, profileOf, QUICK_GRID, saveProfile, type Hardware } from '@tandem/shared/profile';
import { variantName } from '@tandem/shared/registry';
import type { VariantCurves } from '@tandem/worker';
import type { Ports } from './ports.ts';

const QUICK_BUDGET_MS = 150;

type ProfiledBy = Pick<Settings, 'providers' | 'intraOpThreads'>;

/** The hardware that this process' models run on, as its profile is filed under. */
export async function hardwareOf({ providers, intraOpThreads }: ProfiledBy, { probe }: Pick<Ports, 'probe'>): Promise<Hardware> {
  const { accelerator } = await probe.sample();
  return describeHardware({ providers, intraOpThreads, accelerator: accelerator?.name });
}

/** What a worker knows of its variants before it has run them: from the profile of this hardware, or measured for a moment now. */
export async function variantCurves(settings: ProfiledBy & Pick<Settings, 'models'>, { probe, logger }: Pick<Ports, 'probe' | 'logger'>): Promise<VariantCurves> {
  const hardware = await hardwareOf(settings, { probe });
  const known = await loadProfile(settings.models, hardware);
  return {
    async curveFor(loaded, load) {
      const before = profileOf(known, loaded.variant);
      if (before !== undefined) return curveOf(before);
      try {
        const quick = await profileLoaded(loaded, load, 'quick', { grid: QUICK_GRID, budgetMs: QUICK_BUDGET_MS });
        await saveProfile(settings.models, hardware, [quick]).catch((error: unknown) => logger.debug({ err: error }, 'the quick profile is not kept'));
        return curveOf(quick);
      } catch (error) {
        logger.warn({ err: error, variant: variantName(loaded.variant) }, 'the variant could not be profiled; what its batches take is learnt by running them');
        return [];
      }
    },
  };
}
