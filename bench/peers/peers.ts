import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type { Variant } from '@tandem/schemas';
import { freePorts } from '../../test/support/processes.ts';
import { consumerContender } from '../harness/consumer-contender.ts';
import type { Contender, RunningContender } from '../harness/contender.ts';
import type { HttpProtocol } from '../harness/http-load.ts';
import { startContender, type Command } from '../harness/process-contender.ts';
import { pythonOf } from './environment.ts';
import { MODELS } from './kafkajs/model.ts';

/** Serves one model, whichever is asked for. */
export type Peer = (variant: Variant) => Contender;

interface PythonPeer {
  name: string;
  description: string;
  /** Of this folder. @default its name */
  folder?: string;
  http?: HttpProtocol;
  /** @param ports three free ones */
  command(python: string, ports: readonly number[], place: { kafka: string; prefix: string }): Command;
}

const WORKERS = String(availableParallelism());
const JSON_BODY: Pick<HttpProtocol, 'body'> = { body: (history) => `{"input":{"history":${history}}}` };
/** A BYTES tensor of one element: the history's JSON text. (Open inference protocol, version 2.) */
const infer = (name: string): Pick<HttpProtocol, 'body' | 'answer'> => ({
  body: (history) => JSON.stringify({ inputs: [{ name, shape: [1, 1], datatype: 'BYTES', data: [history] }] }),
  answer: (body) => Buffer.from((JSON.parse(body.toString('utf8')) as { outputs: { data: string[] }[] }).outputs[0]!.data[0]!),
});

function modelEnvironment({ graphs }: Variant, intraOpThreads: string): Record<string, string> {
  const graph = graphs['candidates'] ?? graphs['catalogue']!;
  return { MODEL_FILE: MODELS + graph.file, INTRA_OP_THREADS: intraOpThreads, OMP_NUM_THREADS: intraOpThreads === '0' ? WORKERS : intraOpThreads };
}

function pythonPeer({ name, description, folder = name, http, command }: PythonPeer): Peer {
  const directory = join(import.meta.dirname, folder);
  return (variant) => ({
    name, description, task: 'fine', ...(http === undefined ? {} : { http }),
    async start(place): Promise<RunningContender> {
      const python = await pythonOf(folder, directory);
      const ports = await freePorts(3);
      const { environment = {}, ...rest } = command(python, ports, place);
      // Servers with a process per core get one inference thread each, consumers all.
      const threads = http === undefined ? '0' : '1';
      const running = startContender([{ ...rest, environment: { ...modelEnvironment(variant, threads), ...environment } }], place.folder);
      return { ...running, port: ports[0]! };
    },
  });
}

function pytriton(name: string, description: string, more: readonly string[]): Peer {
  return pythonPeer({
    name, description, folder: 'pytriton', http: { path: '/v2/models/ranker/infer', ...infer('history') },
    command: (python, ports) => ({ command: python, args: [join(import.meta.dirname, 'pytriton/server.py'), ...ports.map(String), WORKERS, ...more] }),
  });
}

function pythonConsumer(name: string, description: string, more: readonly string[]): Peer {
  return pythonPeer({
    name, description, folder: 'python-kafka',
    command: (python, _ports, { kafka, prefix }) => ({ command: python, args: [join(import.meta.dirname, 'python-kafka/consumer.py'), '--kafka', kafka, '--prefix', prefix, ...more] }),
  });
}

const kafkajsConsumer = (name: string, description: string, script: 'one-by-one' | 'in-batches'): Peer =>
  (variant) => consumerContender({ name, description, script, variant: `${variant.model}.${variant.precision}` });

/** Ray gives its workers a niceness of 15 otherwise, which no other contender has. */
const RAY = { RAY_worker_niceness: '0', RAY_USAGE_STATS_ENABLED: '0', RAY_AUTH_MODE: 'disabled' };

/** By the name that --peer takes. */
export const PEERS: ReadonlyMap<string, Peer> = new Map([
  ['kafkajs', kafkajsConsumer('kafkajs', 'kafkajs, one by one, its defaults', 'one-by-one')],
  ['kafkajs-batch', kafkajsConsumer('kafkajs-batch', 'kafkajs eachBatch, chunks of 32', 'in-batches')],
  ['python-kafka', pythonConsumer('python-kafka', 'confluent-kafka, one by one', [])],
  ['python-kafka-batch', pythonConsumer('python-kafka-batch', 'confluent-kafka, up to 32 of a poll', ['--batch'])],
  ['litserve', pythonPeer({
    name: 'litserve', description: 'LitServe, batches of 32 within 5 ms, a worker per core', http: { path: '/predict', ...JSON_BODY },
    command: (python, [port]) => ({ command: python, args: [join(import.meta.dirname, 'litserve/server.py'), String(port), WORKERS] }),
  })],
  ['bentoml', pythonPeer({
    name: 'bentoml', description: 'BentoML, adaptive batching up to 32, a worker per core', http: { path: '/answer', ...JSON_BODY },
    command: (python, [port]) => ({
      command: python, environment: { WORKERS, BENTOML_DO_NOT_TRACK: 'true' },
      args: ['-m', 'bentoml', 'serve', 'service:Ranker', '--host', '127.0.0.1', '--port', String(port), '--working-dir', join(import.meta.dirname, 'bentoml')],
    }),
  })],
  ['mlserver', pythonPeer({
    name: 'mlserver', description: 'MLServer over HTTP, adaptive batching up to 32 within 5 ms, two parallel workers', http: { path: '/v2/models/ranker/infer', ...infer('history') },
    command: (python, [port, grpc, metrics]) => ({
      command: join(dirname(python), 'mlserver'), args: ['start', join(import.meta.dirname, 'mlserver')],
      environment: { PYTHONPATH: join(import.meta.dirname, 'mlserver'), MLSERVER_HTTP_PORT: String(port), MLSERVER_GRPC_PORT: String(grpc), MLSERVER_METRICS_PORT: String(metrics) },
    }),
  })],
  ['pytriton', pytriton('pytriton', 'PyTriton, dynamic batcher up to 32 within 5 ms, an instance per core', [])],
  ['pytriton-reject', pytriton('pytriton-reject', 'the same, refusing what waits for longer than 10 ms', ['--reject'])],
  ['ray-serve', pythonPeer({
    name: 'ray-serve', description: 'Ray Serve, batches of 32 within 5 ms, a replica per core', http: { path: '/', ...JSON_BODY },
    command: (python, [port]) => ({ command: python, args: [join(import.meta.dirname, 'ray-serve/server.py'), String(port), WORKERS], environment: RAY }),
  })],
]);
