import { loadRegistry, stableVariants, variantName } from '@tandem/shared/registry';

/** How far stated confidence is from what comes true. */
export interface CalibrationError {
  variant: string;
  /** Expected calibration error, 0..1. */
  error: number;
  method: string;
}

/** As it was measured on validation data when the model was released (tools/), for every variant that has a calibration. */
export async function calibrationErrors(folder: string): Promise<CalibrationError[]> {
  return stableVariants(await loadRegistry(folder)).flatMap((variant): CalibrationError[] => {
    const { ece, method } = variant.calibration ?? {};
    return typeof ece === 'number' ? [{ variant: variantName(variant), error: ece, method: typeof method === 'string' ? method : '' }] : [];
  });
}
