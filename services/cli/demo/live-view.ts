import { createLogUpdate } from 'log-update';
import type { Colors } from './colors.ts';
import { liveFrame, liveLine } from './live-frame.ts';
import { RateWindow } from './rate-window.ts';
import type { ReplayPhase, ReplayProgress } from './replay.ts';

export interface LiveView {
  show(progress: ReplayProgress): void;
  close(): void;
}

/** A terminal's or a pipe's end. */
export type OutputStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

const DEFAULT_COLUMNS = 80;
const LINE_EVERY_SECONDS = 5;

function inPlaceView(stream: OutputStream, title: string, colors: Colors): LiveView {
  const update = createLogUpdate(stream);
  const rate = new RateWindow();
  return {
    show(progress) {
      const responsesPerSecond = rate.add(progress.seconds, progress.figures.responses);
      // A terminal that does not know its width says 0.
      update(liveFrame(progress, { title, columns: stream.columns || DEFAULT_COLUMNS, colors, responsesPerSecond }));
    },
    close: () => update.done(),
  };
}

/** One line as each phase begins, and every few seconds of the replay. */
function lineView(stream: OutputStream, title: string): LiveView {
  const rate = new RateWindow();
  let phase: ReplayPhase | undefined;
  let nextAtSeconds = LINE_EVERY_SECONDS;
  stream.write(`${title}\n`);
  return {
    show(progress) {
      const responsesPerSecond = rate.add(progress.seconds, progress.figures.responses);
      const begins = progress.phase !== phase && progress.phase !== 'replaying';
      phase = progress.phase;
      if (!begins && progress.seconds < nextAtSeconds) return;
      if (!begins) nextAtSeconds = progress.seconds + LINE_EVERY_SECONDS;
      stream.write(`${liveLine(progress, responsesPerSecond)}\n`);
    },
    close: () => undefined,
  };
}

/** Shows progress: redrawn in place on a terminal, line by line elsewhere. */
export function createLiveView(stream: OutputStream, title: string, colors: Colors): LiveView {
  return stream.isTTY === true ? inPlaceView(stream, title, colors) : lineView(stream, title);
}
