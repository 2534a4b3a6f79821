import { z } from 'zod';

const parts = z.string().transform((text) => text.split(',').map((part) => part.trim()).filter(Boolean));

/** An array, or its parts by comma. */
export const list = z.union([z.array(z.string()), parts]);

/** A number, also as text. */
export const number = (schema: z.ZodNumber) => z.coerce.number().pipe(schema);

/** Numbers, also as text by comma. */
export const numbers = (schema: z.ZodNumber) => z.union([z.array(z.unknown()), parts]).pipe(z.array(number(schema)));

export const onOrOff = z.union([
  z.boolean(),
  z.enum(['on', 'off', 'true', 'false', '1', '0']).transform((text) => text === 'on' || text === 'true' || text === '1'),
]);

/** `name:value` pairs by comma, or an object in a settings file. */
export function pairs<T extends z.ZodType>(value: T, form: string) {
  const fromText = z.string().transform((text, context) => {
    const entries = text.split(',').map((part) => part.trim()).filter(Boolean).map((part) => /^([^:]+):(.+)$/.exec(part));
    if (!entries.includes(null)) return Object.fromEntries(entries.map((entry) => [entry?.[1] ?? '', entry?.[2] ?? '']));
    context.addIssue({ code: 'custom', message: `must be ${form}` });
    return z.NEVER;
  });
  return z.union([fromText, z.record(z.string(), z.unknown())]).pipe(z.record(z.string(), value));
}
