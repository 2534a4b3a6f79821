import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { assumptionsSchema } from './assumptions.ts';

const ROLES = ['worker', 'edge', 'broker', 'redis'] as const;

const pointSchema = z.strictObject({ size: z.number().int().min(1), ms: z.number().positive() });

const machineSchema = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9][\w.-]{0,60}$/, 'letters, digits, points, hyphens and underscores'),
  roles: z.array(z.enum(ROLES)).min(1),
  cores: z.number().int().min(1).max(1_024),
  memoryGiB: z.number().positive(),
  pricePerHour: z.number().min(0),
  speed: z.number().positive().max(1_000).default(1).describe('of one core, against the machine on which the profile was measured'),
  networkMBs: z.number().positive().default(1_000),
  /** Models run on it instead of the cores. */
  accelerator: z.strictObject({
    name: z.string(),
    count: z.number().int().min(1).max(64).default(1),
    times: z.record(z.string(), z.array(pointSchema).min(1)).describe('by model.precision: what batches take on one of them'),
  }).optional(),
  /** As many as can be had in all. */
  available: z.number().int().min(1).optional(),
});
export type MachineKind = z.infer<typeof machineSchema>;
export type MachineRole = (typeof ROLES)[number];

const catalogueSchema = z.strictObject({
  currency: z.string().min(1).max(8).default('EUR'),
  zones: z.number().int().min(1).max(16).default(3),
  machines: z.array(machineSchema).min(1),
  assumptions: assumptionsSchema.prefault({}),
}).superRefine(({ machines }, context) => {
  const names = machines.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) context.addIssue({ code: 'custom', path: ['machines'], message: `${twice} is there twice` });
  for (const role of ROLES) {
    if (!machines.some(({ roles }) => roles.includes(role))) context.addIssue({ code: 'custom', path: ['machines'], message: `no machine has the role ${role}` });
  }
});
/** What machines there are and what they cost. */
export type Catalogue = z.infer<typeof catalogueSchema>;

function invalid(source: string, problems: string, cause?: unknown): TandemError {
  return new TandemError(`${source}: ${problems}`, { code: 'catalogue_invalid', cause });
}

/**
 * Reads a catalogue from YAML (or JSON, which is YAML).
 * @param source what to call it in errors
 * @throws {TandemError} `catalogue_invalid`, naming every field that is wrong and what would be valid
 */
export function parseCatalogue(text: string, source: string): Catalogue {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    throw invalid(source, `not YAML: ${firstLineOf(error)}`, error);
  }
  const result = catalogueSchema.safeParse(raw ?? {});
  if (result.success) return result.data;
  throw invalid(source, result.error.issues.map(({ path, message }) => `${pathText(path, raw)}: ${message}`).join('; '), result.error);
}

/** @throws {TandemError} `catalogue_invalid`; `catalogue_unreadable` */
export async function loadCatalogue(path: string): Promise<Catalogue> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new TandemError(`${path} cannot be read: ${messageOf(error)}; docs/capacity.md shows a catalogue`, { code: 'catalogue_unreadable', cause: error });
  });
  return parseCatalogue(text, path);
}

/** What is wrong and at which line and column; the lines after it show the place, and a colon leads to them. */
function firstLineOf(error: unknown): string {
  return (messageOf(error).split('\n')[0] ?? '').replace(/:$/, '');
}

/** machines.2 (c7-16).cores: indices say little to who wrote names. */
function pathText(path: readonly PropertyKey[], raw: unknown): string {
  let at: unknown = raw;
  const words = path.map((key) => {
    at = (at as Record<PropertyKey, unknown> | undefined)?.[key];
    const name = typeof key === 'number' ? (at as { name?: unknown } | undefined)?.name : undefined;
    return typeof name === 'string' ? `${String(key)} (${name})` : String(key);
  });
  return words.length === 0 ? 'the catalogue' : words.join('.');
}
