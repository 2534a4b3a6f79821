import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { messageOf } from '../../errors/tandem-error.ts';
import { ControlBlock } from './control-block.ts';
import { dimensionNames, layoutOf, type Placement } from './layout.ts';
import type { CopiedOutputs, GraphToLoad, ThreadCommand, ThreadData, ThreadReport } from './messages.ts';
import { openSession } from './open-session.ts';
import { HEADER_BYTES, SlotHeader } from './slot-header.ts';
import { ELEMENTS } from './tensor-types.ts';
import { narrow, narrowed, widen, type WideIntegers } from './wide-integers.ts';

/** Entry of an inference thread: takes slots from the control block, runs them, reports. One batch at a time. */

interface LoadedGraph extends Pick<GraphToLoad, 'id' | 'spec'> {
  session: InferenceSession;
  /** Inputs that every call shares. */
  held: Record<string, Tensor>;
  names: readonly string[];
  /** Some output's shape does not follow from the inputs' dimensions. */
  copies: boolean;
}

interface Bound {
  feeds: Record<string, Tensor>;
  fetches: Record<string, Tensor | null>;
  /** Inputs of int64, before each run. */
  toWiden: readonly WideIntegers[];
  /** Outputs of int64, after it. */
  toNarrow: readonly WideIntegers[];
}

interface Slot {
  version: number;
  buffer: SharedArrayBuffer;
  header: SlotHeader;
  /** Tensors over the buffer by graph and sizes: making them costs more than a small model. */
  bound: Map<string, Bound>;
}

const MAX_BOUND = 64;
/** ONNX Runtime's binding gives nothing but the text. */
const OUT_OF_MEMORY = /bad_alloc|allocate memory|out of memory|bad array new length/i;
const data = workerData as ThreadData;
const control = new ControlBlock(data.control, data.seats);
const graphs = new Map<number, LoadedGraph>();
const slots = new Map<number, Slot>();
let handledMessages = 0;
let stopping = false;
let dying = false;

// onnxruntime-node 1.30 wraps float16 data in a Float16Array where there is one, and its binding then sees no bytes;
// without it, it takes Uint16Array. Nothing else runs on this thread.
Reflect.deleteProperty(globalThis, 'Float16Array');

if (parentPort === null) throw new Error('inference-thread.ts runs as a worker thread');
const port = parentPort;

function report(message: ThreadReport): void {
  port.postMessage(message);
}

async function load(id: number, { id: graph, spec, held, bytes, folder, warmUpSizes }: GraphToLoad): Promise<void> {
  try {
    const { session, report: opened } = await openSession(bytes, { ...data, folder });
    const names = dimensionNames(spec);
    const placed = layoutOf(spec, names, warmUpSizes, HEADER_BYTES);
    const shared = Object.fromEntries(held.map((tensor) => [tensor.name, tensorOver(tensor.buffer, { ...tensor, offset: 0 })]));
    const loaded = { id: graph, spec, session, held: shared, names, copies: placed.outputs.length < Object.keys(spec.outputs).length };
    graphs.set(graph, loaded);
    const warmUpError = await warmUp(loaded, warmUpSizes);
    report({ kind: 'loaded', load: id, report: warmUpError === undefined ? opened : { ...opened, warmUpError } });
  } catch (error) {
    report({ kind: 'refused', load: id, reason: messageOf(error) });
  }
}

async function warmUp(graph: LoadedGraph, sizes: readonly number[]): Promise<string | undefined> {
  try {
    const layout = layoutOf(graph.spec, graph.names, sizes, HEADER_BYTES);
    const { feeds, fetches } = bind(graph, sizes, new SharedArrayBuffer(layout.bytes));
    await graph.session.run(feeds, fetches);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function unload(graph: number): Promise<void> {
  const loaded = graphs.get(graph);
  if (loaded === undefined) return;
  graphs.delete(graph);
  for (const slot of slots.values()) slot.bound.clear();
  await loaded.session.release();
}

async function obey(command: ThreadCommand): Promise<void> {
  switch (command.kind) {
    case 'slot':
      slots.set(command.slot, {
        version: command.version,
        buffer: command.buffer,
        header: new SlotHeader(command.buffer),
        bound: new Map(),
      });
      return;
    case 'load':
      return load(command.load, command.graph);
    case 'unload':
      return unload(command.graph);
    case 'stop':
      stopping = true;
      return;
    case 'die':
      dying = true;
  }
}

async function obeyAll(): Promise<void> {
  handledMessages = control.messages(data.seat);
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: ThreadCommand } | undefined;
    if (received === undefined) return;
    await obey(received.message);
  }
}

function tensors(buffer: SharedArrayBuffer, placements: readonly Placement[]): Record<string, Tensor> {
  const named: Record<string, Tensor> = {};
  for (const placement of placements) named[placement.name] = tensorOver(buffer, placement);
  return named;
}

function tensorOver(buffer: SharedArrayBuffer, { type, dims, offset, length, wideOffset }: Placement): Tensor {
  if (wideOffset !== undefined) return new Tensor('int64', new BigInt64Array(buffer, wideOffset, length), dims);
  return new Tensor(type as 'float32', ELEMENTS[type].view(buffer, offset, length) as Float32Array, dims);
}

function wideIntegers(buffer: SharedArrayBuffer, placements: readonly Placement[]): WideIntegers[] {
  return placements.flatMap(({ name, offset, length, wideOffset }) =>
    wideOffset === undefined ? [] : [{ name, narrow: new Int32Array(buffer, offset, length), words: new Int32Array(buffer, wideOffset, 2 * length) }]);
}

function bind(graph: LoadedGraph, sizes: ArrayLike<number>, buffer: SharedArrayBuffer): Bound {
  const layout = layoutOf(graph.spec, graph.names, sizes, HEADER_BYTES);
  const fetches: Record<string, Tensor | null> = {};
  for (const name of Object.keys(graph.spec.outputs)) fetches[name] = null;
  return {
    feeds: { ...graph.held, ...tensors(buffer, layout.inputs) }, fetches: Object.assign(fetches, tensors(buffer, layout.outputs)),
    toWiden: wideIntegers(buffer, layout.inputs), toNarrow: wideIntegers(buffer, layout.outputs),
  };
}

function boundFor(graph: LoadedGraph, slot: Slot): Bound {
  const sizes = slot.header.sizes(graph.names.length);
  const key = `${graph.id}:${sizes.join()}`;
  const known = slot.bound.get(key);
  if (known !== undefined) return known;
  if (slot.bound.size >= MAX_BOUND) slot.bound.clear();
  const bound = bind(graph, sizes, slot.buffer);
  slot.bound.set(key, bound);
  return bound;
}

function copied(results: InferenceSession.OnnxValueMapType, { fetches }: Bound): CopiedOutputs {
  const outputs: CopiedOutputs = {};
  for (const [name, place] of Object.entries(fetches)) {
    const tensor = results[name];
    if (place !== null || tensor === undefined) continue;
    const data = tensor.type === 'int64' ? narrowed(name, tensor.data as BigInt64Array) : (tensor.data as Float32Array);
    outputs[name] = { dims: tensor.dims, data };
  }
  return outputs;
}

async function run(id: number): Promise<void> {
  if (slots.get(id)?.version !== control.version(id)) await obeyAll();
  if (dying) throw new Error('told to die');
  const slot = slots.get(id);
  const graph = graphs.get(slot?.header.graph ?? -1);
  // Not the model's fault: the thread ends, its successor loads everything again.
  if (slot === undefined || graph === undefined) throw new Error('a graph that should be loaded on this thread is not');
  try {
    const bound = boundFor(graph, slot);
    const startedAt = spentMs();
    for (const wide of bound.toWiden) widen(wide);
    const results = await graph.session.run(bound.feeds, bound.fetches);
    for (const wide of bound.toNarrow) narrow(wide);
    slot.header.computeMs = spentMs() - startedAt;
    report(graph.copies ? { kind: 'done', slot: id, outputs: copied(results, bound) } : id);
  } catch (error) {
    const reason = messageOf(error);
    report({ kind: 'failed', slot: id, reason, outOfMemory: OUT_OF_MEMORY.test(reason) });
  }
}

/** False: there was nothing to do. */
async function workOnce(): Promise<boolean> {
  if (control.messages(data.seat) !== handledMessages) {
    await obeyAll();
    return true;
  }
  const slot = control.claim(data.seat, data.background);
  if (slot === undefined) return false;
  await run(slot);
  return true;
}

/** What a run took; of a thread that gives way, without the time in which others went before it. */
function spentMs(): number {
  if (!data.background) return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Linux has a priority for each thread; those that ONNX Runtime starts from here inherit it. Anybody may lower his own: where a sandbox forbids even that, work goes on without. */
function giveWay(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_LOW);
  } catch (error) {
    process.emitWarning(`a thread for bulk runs at the priority of all others: ${messageOf(error)}`);
  }
}

async function serve(): Promise<void> {
  while (!stopping && !control.isAbandoned(data.seat)) {
    const wakeCount = control.wakeCount(data.background);
    if (!control.begin(data.seat) || !(await workOnce())) {
      control.idle(data.seat);
      control.sleep(wakeCount, data.background);
    }
  }
  for (const graph of [...graphs.keys()]) await unload(graph);
}

if (data.background) giveWay();
await serve();
