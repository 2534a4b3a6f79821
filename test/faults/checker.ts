import type {
  AppendedRequest, CheckOptions, CheckReport, Evidence, SeenDeadLetter, SeenResponse, SentRequest, Violation, ViolationKind,
} from './check-types.ts';

const KINDS: readonly ViolationKind[] = ['lost', 'doubled', 'outOfOrder', 'late', 'wrong'];

/** A request, where it lies, and its responses in the order of the log. */
interface Story {
  sent: SentRequest;
  appended: readonly AppendedRequest[];
  finals: readonly SeenResponse[];
  provisional: readonly SeenResponse[];
}

/**
 * Compares what went in with what came out. Every acknowledged request is owed one final response, its own, by its
 * deadline and a stated bound; and, where its workload promises that, after the responses to its user's earlier requests.
 */
export function check(evidence: Evidence, options: CheckOptions): CheckReport {
  const stories = tell(evidence);
  const lateness = stories.flatMap((story) => latenessOf(story) ?? []);
  const violations = [
    ...lost(stories, evidence),
    ...stories.flatMap(doubled),
    ...stories.flatMap(behind),
    ...stories.flatMap((story) => late(story, options)),
    ...stories.flatMap(wrong),
    ...outOfOrder(stories),
    ...unasked(evidence),
  ];
  return {
    requests: stories.length,
    answered: stories.filter(({ finals }) => finals.length > 0).length,
    provisional: stories.filter(({ provisional }) => provisional.length > 0).length,
    violations,
    ...tally(violations),
    answers: countBy(stories.flatMap(({ finals }) => finals.slice(0, 1)), answerKind),
    deadLetters: countBy(unrepeated(evidence.deadLetters), ({ stage, code }) => `${stage}/${code}`),
    worstLatenessMs: lateness.reduce((worst, ms) => Math.max(worst, ms), 0),
    afterDeadline: lateness.filter((ms) => ms > 0).length,
  };
}

/** `counts` and `causes` of violations. */
function tally(violations: readonly Violation[]): Pick<CheckReport, 'counts' | 'causes'> {
  const of = (kind: ViolationKind) => violations.filter((violation) => violation.kind === kind);
  return {
    counts: Object.fromEntries(KINDS.map((kind) => [kind, of(kind).length])) as CheckReport['counts'],
    causes: Object.fromEntries(KINDS.map((kind) => [kind, countBy(of(kind), ({ cause }) => cause)])) as CheckReport['causes'],
  };
}

function tell({ sent, appended, responses }: Evidence): Story[] {
  const appendedById = Map.groupBy(appended, ({ requestId }) => requestId);
  const byId = Map.groupBy(responses, ({ requestId }) => requestId);
  return sent.map((request) => {
    const own = (byId.get(request.requestId) ?? []).toSorted((a, b) => a.appendedAt - b.appendedAt || a.offset - b.offset);
    return {
      sent: request,
      appended: (appendedById.get(request.requestId) ?? []).toSorted((a, b) => a.offset - b.offset),
      finals: own.filter(({ final }) => final),
      provisional: own.filter(({ final }) => !final),
    };
  });
}

function unrepeated(deadLetters: readonly SeenDeadLetter[]): SeenDeadLetter[] {
  return [...new Map(deadLetters.map((letter) => [`${letter.source} ${letter.code}`, letter])).values()];
}

function lost(stories: readonly Story[], { deadLetters }: Evidence): Violation[] {
  const buried = Map.groupBy(unrepeated(deadLetters), ({ requestId }) => requestId);
  return stories.filter(({ finals }) => finals.length === 0).map(({ sent: { requestId }, appended }) => {
    const letters = (buried.get(requestId) ?? []).map(({ stage, code }) => `${stage}/${code}`);
    const cause = appended.length === 0 ? 'acknowledged, not in the log' : letters.length > 0 ? `dead letter: ${letters.join(', ')}` : 'no trace';
    return { kind: 'lost', requestId, cause, detail: `request at ${sourcesOf(appended)}` };
  });
}

function doubled({ sent: { requestId }, finals }: Story): Violation[] {
  const [first, ...more] = finals;
  return more.map((response) => {
    const same = response.source === undefined || response.source === first!.source;
    const detail = `responses at ${first!.partition}/${first!.offset} and ${response.partition}/${response.offset}, ${response.appendedAt - first!.appendedAt} ms apart`;
    return { kind: 'doubled', requestId, cause: same ? 'answered again' : 'answered for two positions', detail, answeredAt: [first!.appendedAt, response.appendedAt] };
  });
}

/** Of one request all are on one partition; a reader that has seen the final one is not to be told less. */
function behind({ sent: { requestId }, finals: [first], provisional }: Story): Violation[] {
  if (first === undefined) return [];
  return provisional.filter(({ partition, offset }) => partition !== first.partition || offset > first.offset).map(({ partition, offset, appendedAt }) => ({
    kind: 'doubled', requestId, cause: 'provisional after the final one', detail: `final response at ${first.partition}/${first.offset}, provisional one at ${partition}/${offset}`, answeredAt: [first.appendedAt, appendedAt],
  }));
}

/** How long after its deadline the first response was appended, ms; undefined where there is no deadline or no answer. */
function latenessOf({ sent: { deadlineMs }, appended, finals }: Story): number | undefined {
  const [request, response] = [appended[0], finals[0]];
  if (deadlineMs === null || request === undefined || response === undefined) return undefined;
  return response.appendedAt - (request.appendedAt + deadlineMs);
}

function late(story: Story, { lateBoundMs }: CheckOptions): Violation[] {
  const ms = latenessOf(story);
  if (ms === undefined || ms <= lateBoundMs) return [];
  const response = story.finals[0]!;
  const detail = `${ms} ms after its deadline; request at ${sourcesOf(story.appended)}, response at ${response.partition}/${response.offset}`;
  return [{ kind: 'late', requestId: story.sent.requestId, cause: answerKind(response), detail }];
}

function wrong({ sent, appended, finals, provisional }: Story): Violation[] {
  return [...finals, ...provisional].flatMap((response) => {
    const cause = mismatch(sent, appended, response);
    const detail = `response at ${response.partition}/${response.offset}, request at ${sourcesOf(appended)}`;
    return cause === undefined ? [] : [{ kind: 'wrong' as const, requestId: sent.requestId, cause, detail }];
  });
}

function mismatch(sent: SentRequest, appended: readonly AppendedRequest[], response: SeenResponse): string | undefined {
  if (response.userId !== sent.userId) return 'another user';
  if (response.workload !== sent.workload) return 'another workload';
  if (response.headerRequestId !== undefined && response.headerRequestId !== sent.requestId) return 'header names another request';
  if (response.source !== undefined && !appended.some(({ source }) => source === response.source)) return 'header names another position';
  if (!response.final && sent.provisional !== true) return 'provisional, and not asked for';
  if ((response.marked ?? !response.final) === response.final || (response.status === 'provisional') === response.final) return 'not marked as what it is';
  const { items } = response;
  if (items === undefined) return undefined;
  if (sent.limit !== undefined && items.length > sent.limit) return 'more items than asked for';
  const allowed = sent.candidates === undefined ? undefined : new Set(sent.candidates);
  return allowed !== undefined && items.some((item) => !allowed.has(item)) ? 'items of another request' : undefined;
}

function unasked({ sent, responses }: Evidence): Violation[] {
  const known = new Set(sent.map(({ requestId }) => requestId));
  return responses.filter(({ requestId }) => !known.has(requestId)).map(({ requestId, partition, offset }) => ({
    kind: 'wrong', requestId, cause: 'nobody asked', detail: `response at ${partition}/${offset}`,
  }));
}

/** Responses that a deadline forces out are made a moment before it. */
const DEADLINE_MARGIN_MS = 250;

/** Order is promised among responses that kept their deadline; rejected requests never queued for it. */
function keepsOrder(story: Story): boolean {
  const { sent, appended, finals } = story;
  return sent.ordered && appended.length > 0 && finals.length > 0 && finals[0]!.status !== 'rejected' && (latenessOf(story) ?? -Infinity) < -DEADLINE_MARGIN_MS;
}

/** First responses of one user, in the order of the requests, must lie in one partition in rising order. */
function outOfOrder(stories: readonly Story[]): Violation[] {
  const promised = stories.filter(keepsOrder);
  return [...Map.groupBy(promised, ({ sent }) => `${sent.workload}\n${sent.userId}`).values()].flatMap((user) => {
    const inOrder = user.toSorted((a, b) => a.appended[0]!.offset - b.appended[0]!.offset);
    let newest = inOrder[0]!;
    return inOrder.slice(1).flatMap((story) => {
      const [earlier, response] = [newest.finals[0]!, story.finals[0]!];
      if (response.offset > earlier.offset && response.partition === earlier.partition) {
        newest = story;
        return [];
      }
      const cause = response.partition === earlier.partition ? 'before an earlier request’s' : 'in another partition';
      const detail = `response at ${response.partition}/${response.offset}, that of the earlier ${newest.sent.requestId} at ${earlier.partition}/${earlier.offset}`;
      return [{ kind: 'outOfOrder' as const, requestId: story.sent.requestId, cause, detail }];
    });
  });
}

function answerKind({ status, reason, code }: SeenResponse): string {
  return status + (reason === undefined ? '' : `: ${reason}`) + (code === undefined ? '' : `, ${code}`);
}

function sourcesOf(appended: readonly AppendedRequest[]): string {
  return appended.map(({ source }) => source).join(' and ') || 'no position';
}

function countBy<Value>(values: readonly Value[], of: (value: Value) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[of(value)] = (counts[of(value)] ?? 0) + 1;
  return counts;
}
