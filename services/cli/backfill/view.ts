import { createLogUpdate } from 'log-update';
import type { Colors } from '../demo/colors.ts';
import { count, seconds } from '../demo/format.ts';
import type { OutputStream } from '../demo/live-view.ts';
import { RateWindow } from '../demo/rate-window.ts';
import type { Wait } from './pace.ts';
import type { BackfillProgress } from './progress.ts';

export interface BackfillView {
  show(progress: BackfillProgress): void;
  close(): void;
}

const BAR_COLUMNS = 30;

const WAITS: Record<Exclude<Wait, undefined>, string> = {
  'in flight': '', rate: '', window: 'outside the window: nothing is sent', load: 'workers are busy: nothing is sent',
};

/** Share of the whole job that is done, 0..1; undefined where the end of the input is not known. */
export function doneShare({ read, exhausted, valid, answered, failed }: BackfillProgress): number | undefined {
  const ofValid = valid === 0 ? (exhausted ? 1 : 0) : Math.min(1, (answered + failed) / valid);
  if (exhausted) return ofValid;
  return read === undefined ? undefined : read * ofValid;
}

/** Undefined: cannot be told. */
function secondsLeft(progress: BackfillProgress, perSecond: number): number | undefined {
  const share = doneShare(progress);
  if (share === undefined || share === 0 || perSecond <= 0) return undefined;
  const done = progress.answered + progress.failed;
  return (done / share - done) / perSecond;
}

export function progressLine(progress: BackfillProgress, perSecond: number): string {
  const { answered, answeredBefore, outstanding, bad, failed, waitingFor } = progress;
  const left = secondsLeft(progress, perSecond);
  return [
    `${count(answered)} answered${answeredBefore > 0 ? ` (${count(answeredBefore)} before)` : ''}`,
    `${count(outstanding)} in flight`,
    `${count(perSecond)}/s`,
    ...(left === undefined ? [] : [`${seconds(left)} left`]),
    ...(bad > 0 ? [`${count(bad)} bad lines`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(waitingFor === undefined || WAITS[waitingFor] === '' ? [] : [WAITS[waitingFor]]),
  ].join(' · ');
}

function bar(share: number | undefined, colors: Colors): string {
  const filled = Math.round((share ?? 0) * BAR_COLUMNS);
  const percent = share === undefined ? '' : ` ${Math.floor(share * 100)} %`;
  return colors.green('█'.repeat(filled)) + colors.dim('░'.repeat(BAR_COLUMNS - filled)) + percent;
}

/** Redrawn in place on a terminal; elsewhere nothing: nobody watches a log or a pipe. */
export function createBackfillView(stream: OutputStream, title: string, colors: Colors): BackfillView {
  if (stream.isTTY !== true) return { show: () => undefined, close: () => undefined };
  const rate = new RateWindow();
  const inPlace = createLogUpdate(stream);
  return {
    show(progress) {
      inPlace(`${colors.bold(title)}\n${bar(doneShare(progress), colors)}\n${progressLine(progress, rate.add(progress.seconds, progress.answered))}`);
    },
    close: () => inPlace.done(),
  };
}
