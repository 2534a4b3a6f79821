import type { Panel } from '@tandem/shared/chart';
import type { MeasureOptions, Effort } from './measure.ts';

/** What a scenario has at hand. */
export interface Bench extends MeasureOptions {
  quick: boolean;
  /** How often everything is measured, interleaved. */
  rounds: number;
  /** Of a core for an hour, in the currency of the reader. */
  coreHourPrice: number;
  /** Requests per second for which cores are reckoned. */
  fixedLoad: number;
  /** Peers that were asked for; undefined: those of the scenario's choice. */
  peers: readonly string[] | undefined;
  /** Only contenders whose name has one of these in it; undefined: all. */
  only: readonly string[] | undefined;
  /** Where profiles and logs of this run may lie. */
  folder: string;
  progress(text: string): void;
}

/** A table of the report. */
export interface Table {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What a scenario found. */
export interface Findings {
  /** Goes into the JSON under the scenario's name. */
  data: unknown;
  /** Goes into the JSON beside it, by name. */
  more?: Readonly<Record<string, unknown>>;
  /** Paragraphs below the tables. */
  notes: readonly string[];
  tables: readonly Table[];
  plots: readonly { title: string; panels: readonly Panel[] }[];
  /** More files beside the report, SVG. */
  files?: readonly { name: string; svg: string }[];
}

export interface Scenario {
  name: string;
  description: string;
  run(bench: Bench): Promise<Findings>;
}

export const QUICK: Effort = { warmSeconds: 4, probeSeconds: 2, refinements: 1, maxProbes: 7, tries: 2, steadySeconds: 2, judgedRequests: 800 };
export const FULL: Effort = { warmSeconds: 15, probeSeconds: 4, refinements: 3, maxProbes: 14, tries: 2, steadySeconds: 10, judgedRequests: 6_000 };
