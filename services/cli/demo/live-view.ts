import { createLogUpdate } from 'log-update';
import type { Colors } from './colors.ts';
import { liveFrame } from './live-frame.ts';
import { RateWindow } from './rate-window.ts';
import type { ReplayProgress } from './replay.ts';

export interface LiveView {
  show(progress: ReplayProgress): void;
  close(): void;
}

/** A terminal's or a pipe's end. */
export type OutputStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

const DEFAULT_COLUMNS = 80;

/** Shows progress, redrawn in place. For terminals: nobody watches a log or a pipe. */
export function createLiveView(stream: OutputStream, title: string, colors: Colors): LiveView {
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
