import { describeIssues as describe } from '@tandem/shared/core';
import type { z } from 'zod';

/** The first thing that is wrong with a body, with its path. */
export function describeIssues(error: z.ZodError): string {
  return describe(error, '', 'body');
}
