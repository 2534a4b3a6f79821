import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

interface ProfileNode {
  id: number;
  callFrame: CallFrame;
  children?: number[];
}

/** As V8 writes it with --cpu-prof. */
export interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
  /** µs. */
  timeDeltas: number[];
  startTime?: number;
  endTime?: number;
}

/** A function with what it called. */
export interface CallTree {
  name: string;
  /** Which part of the system it belongs to. */
  part: string;
  selfUs: number;
  /** With everything that it called. */
  totalUs: number;
  children: CallTree[];
}

const NOT_WORK: ReadonlySet<string> = new Set(['(idle)', '(root)']);
const REPOSITORY = join(import.meta.dirname, '../..');

/** `kafkajs`, `node:net`, `shared/log`, `services/fusion`, `(garbage collector)` … */
export function partOf({ functionName, url }: CallFrame): string {
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  if (url.startsWith('node:')) return url.split('/')[0]!;
  const path = url.replace('file://', '').replace(`${REPOSITORY}/`, '');
  if (path === '') return functionName.startsWith('(') ? functionName : 'native';
  return path.split('/').slice(0, 2).join('/');
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${url.split('/').at(-1)}:${lineNumber + 1}`;
}

/**
 * The tree of calls; idle time is left out.
 * @param skipUs so much of the beginning is left out
 */
export function callTree({ nodes, samples, timeDeltas }: CpuProfile, skipUs = 0): CallTree {
  const selfUs = new Map<number, number>();
  let atUs = 0;
  samples.forEach((id, index) => {
    const us = Math.max(0, timeDeltas[index] ?? 0);
    atUs += us;
    if (atUs > skipUs) selfUs.set(id, (selfUs.get(id) ?? 0) + us);
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const build = ({ id, callFrame, children = [] }: ProfileNode): CallTree => {
    const below = children.flatMap((child) => byId.get(child) ?? []).map(build);
    const own = NOT_WORK.has(callFrame.functionName) ? 0 : (selfUs.get(id) ?? 0);
    return { name: nameOf(callFrame), part: partOf(callFrame), selfUs: own, totalUs: below.reduce((sum, { totalUs }) => sum + totalUs, own), children: below.filter(({ totalUs }) => totalUs > 0) };
  };
  return nodes[0] === undefined ? { name: '(root)', part: '(root)', selfUs: 0, totalUs: 0, children: [] } : build(nodes[0]);
}

/** Self time by function or by part, most first, as shares of all work. */
export function selfTimes(tree: CallTree, by: 'name' | 'part'): { name: string; share: number }[] {
  const sums = new Map<string, number>();
  const visit = (node: CallTree): void => {
    sums.set(node[by], (sums.get(node[by]) ?? 0) + node.selfUs);
    node.children.forEach(visit);
  };
  visit(tree);
  return [...sums].map(([name, us]) => ({ name, share: us / tree.totalUs })).filter(({ share }) => share > 0).sort((left, right) => right.share - left.share);
}

/**
 * The main threads' profiles in a folder, by process id.
 * @param sinceMs epoch ms: what came before is left out, such as loading code
 */
export function readProfiles(folder: string, sinceMs: number): Map<number, CallTree> {
  const profiles = new Map<number, CallTree>();
  for (const file of readdirSync(folder)) {
    const [, pid, thread] = /\.(\d+)\.(\d+)\.\d+\.cpuprofile$/.exec(file) ?? [];
    if (pid === undefined || thread !== '0') continue;
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
    // It is written when it ends, and has a clock of its own.
    const keptUs = (statSync(join(folder, file)).mtimeMs - sinceMs) * 1_000;
    profiles.set(Number(pid), callTree(profile, (profile.endTime ?? 0) - (profile.startTime ?? 0) - keptUs));
  }
  return profiles;
}
