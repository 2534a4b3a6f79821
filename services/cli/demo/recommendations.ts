import type { Response } from '@tandem/schemas';
import type { Colors } from './colors.ts';
import { ANSWER_KINDS, answerKind, answeredItems, type ModelRoles } from './answer-kind.ts';
import type { Titles } from './catalogue.ts';
import { itemAt } from './replay-messages.ts';
import { DRAWN_SHARE, type PlannedEvent, type ReplayPlan } from './replay-plan.ts';
import { seededRandom, shuffled } from '@tandem/shared/random';

const BEFORE = 4;
const RECOMMENDED = 5;
const AFTER = 5;

function hasNeighbours({ users }: ReplayPlan, { user, position }: PlannedEvent): boolean {
  return position >= BEFORE && position + AFTER <= users[user]!.items.length;
}

/**
 * Which events' answers are shown to people: one of each kind drawn by lot, of different users. Chosen by the seed
 * before anything is answered, so that nobody picked the good ones.
 */
export function chooseShowcases(plan: ReplayPlan): number[] {
  const order = shuffled(seededRandom(plan.seed, 'showcases'), plan.events.map((_, index) => index));
  const users = new Set<number>();
  return Object.keys(DRAWN_SHARE).flatMap((task) => {
    const found = order.find((index) => {
      const event = plan.events[index]!;
      return event.task === task && !users.has(event.user) && hasNeighbours(plan, event);
    });
    if (found !== undefined) users.add(plan.events[found]!.user);
    return found === undefined ? [] : [found];
  });
}

export interface ShowcaseOptions {
  plan: ReplayPlan;
  roles: ModelRoles;
  titles: Titles;
  colors: Colors;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

/** One user's case: what was known, what was recommended, what came next. */
function showcase(index: number, response: Response, { plan, roles, titles, colors }: ShowcaseOptions): string {
  const { user, position } = plan.events[index]!;
  const planned = plan.users[user]!;
  const title = (itemId: string) => titles.get(itemId) ?? `item ${itemId}`;
  const watched = (from: number, to: number) => range(Math.max(0, from), Math.min(to, planned.items.length)).map((at) => itemAt(planned, at));
  const recommended = answeredItems(response).slice(0, RECOMMENDED);
  const next = watched(position, position + AFTER);
  const recommendedLine = (itemId: string, rank: number) =>
    next.includes(itemId) ? colors.green(`    ${rank + 1}. ${title(itemId)}  ✓ watched`) : `    ${rank + 1}. ${title(itemId)}`;
  return [
    colors.bold(`User ${planned.userNumber}`) + colors.dim(`  ·  answered by ${ANSWER_KINDS[answerKind(response, roles)]}`),
    `  ${colors.dim('watched last    ')} ${watched(position - BEFORE, position).map(title).join(' → ')}`,
    `  ${colors.dim('recommended')}`,
    ...recommended.map(recommendedLine),
    `  ${colors.dim('then watched    ')} ${next.map((itemId) => (recommended.includes(itemId) ? colors.green(`${title(itemId)} ✓`) : title(itemId))).join(' → ')}`,
  ].join('\n');
}

/** @param answers by event; an event without one is left out */
export function recommendationsText(answers: ReadonlyMap<number, Response>, options: ShowcaseOptions): string {
  const cases = [...answers].map(([index, response]) => showcase(index, response, options));
  return [options.colors.bold('A few recommendations (chosen by the seed, before the answers were known)'), ...cases].join('\n\n');
}
