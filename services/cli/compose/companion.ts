import type { Stage, StageContext } from '@tandem/shared/runner';

/** What runs beside a stage, in its life. */
export interface Companion {
  /** The stage has been started. */
  started(): Promise<void> | void;
  /** The stage is about to be stopped. */
  stopping?(): Promise<void> | void;
  /** The stage has been stopped. */
  stopped?(): Promise<void> | void;
}

/** The same stage, whose life the companion shares. */
export function accompanied(stage: Stage, companion: Companion): Stage {
  const [start, stop] = [stage.start?.bind(stage), stage.stop?.bind(stage)];
  return Object.assign(stage, {
    async start(context: StageContext) {
      await start?.(context);
      await companion.started();
    },
    async stop() {
      await companion.stopping?.();
      await stop?.();
      await companion.stopped?.();
    },
  });
}
