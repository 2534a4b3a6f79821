import { TandemError } from '../../errors/index.ts';
import type { Invocation, InvocationResult, TensorView } from '../types.ts';
import type { Slot } from './buffer-pool.ts';
import type { CopiedOutputs } from './messages.ts';

export interface InvocationParts {
  slot: Slot;
  inputs: Readonly<Record<string, TensorView>>;
  outputs: Readonly<Record<string, TensorView>>;
  /** Runs the slot on some thread. */
  execute: (slot: Slot) => Promise<CopiedOutputs | undefined>;
  onReleased: (slot: Slot) => void;
}

/** A leased slot. After `engine_thread_lost` the inputs are still there: `run` may be called again; not after `thread_hung`. */
export class OnnxInvocation implements Invocation {
  readonly inputs: Readonly<Record<string, TensorView>>;
  readonly #parts: InvocationParts;
  #running = false;
  #released = false;

  constructor(parts: InvocationParts) {
    this.inputs = parts.inputs;
    this.#parts = parts;
  }

  async run(): Promise<InvocationResult> {
    if (this.#released || this.#running || this.#parts.slot.tainted) {
      const why = this.#released ? 'has been released' : this.#running ? 'is running' : 'hangs';
      throw new TandemError(`this invocation ${why}; prepare another`, { code: 'invocation_misused' });
    }
    const { slot, outputs, execute } = this.#parts;
    this.#running = true;
    try {
      const copied = await execute(slot);
      return { outputs: copied === undefined ? outputs : { ...outputs, ...copied }, computeMs: slot.header.computeMs };
    } finally {
      this.#running = false;
      if (this.#released) this.#giveBack();
    }
  }

  /** While it runs, the buffers are kept until it ends. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (!this.#running) this.#giveBack();
  }

  #giveBack(): void {
    this.#parts.onReleased(this.#parts.slot);
  }
}
