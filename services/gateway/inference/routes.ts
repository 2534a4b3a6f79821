import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../context.ts';
import { Problem } from '../problems/problem.ts';
import { callOf, during } from '../requests/call.ts';
import { readInferBody, writeInferBody } from './bodies.ts';
import { DATA_TYPES, shapeOf } from './data-types.ts';
import { inferenceDocumentation } from './documentation.ts';
import { allGraphs, findGraph, type ServedGraph } from './model-name.ts';
import { ModelServer } from './model-server.ts';
import { readTensors } from './read-tensors.ts';

interface ModelParams {
  model: string;
  version?: string;
}
type ModelRequest = FastifyRequest<{ Params: ModelParams }>;

/** KServe's Open Inference Protocol v2 over HTTP, with the binary tensor data extension, for every registered model. */
export function addInferenceRoutes(fastify: FastifyInstance, context: GatewayContext): void {
  const { settings: { gatewayInferenceThreads: threads, models, gatewayMaxTensorBytes: bodyLimit, gatewayMaxDimension: dimension, gatewayMaxTensorElements: elements }, logger, shares } = context;
  if (threads === 0) return;
  void fastify.register(async (instance) => {
    const server = new ModelServer({ modelsDirectory: models, threads, logger, share: shares.inferences, bounds: { dimension, elements } });
    instance.addHook('onClose', () => server.close());
    // Triton's client names no content type.
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
    addServerRoutes(instance, context);
    for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) addModelRoutes(instance, path, context, server, bodyLimit);
    addRepositoryRoutes(instance, context);
  });
}

function addServerRoutes(fastify: FastifyInstance, context: GatewayContext): void {
  const health = inferenceDocumentation('Health');
  fastify.get('/v2/health/live', { config: { scope: 'public' }, schema: health }, () => ({ live: true }));
  fastify.get('/v2/health/ready', { config: { scope: 'public' }, schema: health }, (_request, reply) => reply.code(context.draining ? 503 : 200).send({ ready: !context.draining }));
  fastify.get('/v2', { config: { scope: 'public' }, schema: inferenceDocumentation('What the server is') }, () => ({ name: 'tandem', version: '0.1.0', extensions: ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics'] }));
}

function addModelRoutes(fastify: FastifyInstance, path: string, context: GatewayContext, server: ModelServer, bodyLimit: number): void {
  const { variants } = context;
  const read = { config: { scope: 'read' as const } };
  const find = ({ params: { model, version } }: ModelRequest) => required(context, model, version);
  fastify.get(path, { ...read, schema: inferenceDocumentation('A model’s tensors') }, (request: ModelRequest) => metadata(find(request), request, variants));
  fastify.get(`${path}/config`, { ...read, schema: inferenceDocumentation('A model’s configuration') }, (request: ModelRequest) => configuration(find(request), request));
  fastify.get(`${path}/stats`, { ...read, schema: inferenceDocumentation('What a model has done here') }, (request: ModelRequest) => statistics(find(request), request, server));
  fastify.get(`${path}/ready`, { ...read, schema: inferenceDocumentation('Whether a model can be used') }, async (request: ModelRequest) => {
    const { variant } = find(request);
    await server.load(variant);
    return { name: request.params.model, ready: true };
  });
  fastify.post(`${path}/infer`, { config: { scope: 'send' }, bodyLimit, schema: inferenceDocumentation('Run a model on tensors', 'infer') }, (request: ModelRequest, reply) => infer(find, request, reply, context, server));
}

async function infer(find: (request: ModelRequest) => ServedGraph, request: ModelRequest, reply: FastifyReply, context: GatewayContext, server: ModelServer): Promise<FastifyReply> {
  if (context.draining) throw new Problem('draining', { detail: 'This gateway is going away; another will answer.', retryAfterSeconds: 1 });
  return during(callOf(request, context).span, async () => {
    const served = find(request);
    const { request: asked, binary } = await readInferBody(request, context.settings.gatewayMaxTensorBytes);
    const tensors = readTensors(served.spec, asked.inputs, binary);
    const written = await server.infer(served, asked, tensors, request.credential.tenant);
    const answer = { model_name: request.params.model, model_version: served.variant.version, ...(asked.id === undefined ? {} : { id: asked.id }) };
    const { headers, body } = await writeInferBody(request, answer, written);
    return reply.headers(headers).send(body);
  });
}

/** @throws {Problem} `unknown_model` */
function required({ variants }: GatewayContext, model: string, version: string | undefined): ServedGraph {
  const found = findGraph(variants, model, version === '' ? undefined : version);
  if (found !== undefined) return found;
  const known = [...new Set(variants.map((variant) => variant.model))].join(', ');
  throw new Problem('unknown_model', { detail: `There is no model ${model.slice(0, 100)}${version === undefined ? '' : ` of version ${version.slice(0, 100)}`}; there are ${known}, each also as model.precision and model.precision.graph.` });
}

function metadata({ variant, spec }: ServedGraph, { params: { model } }: ModelRequest, variants: GatewayContext['variants']) {
  const tensors = (of: typeof spec.inputs) => Object.entries(of).map(([name, tensor]) => ({ name, datatype: DATA_TYPES[tensor.type], shape: shapeOf(tensor) }));
  const versions = [...new Set(variants.filter((other) => other.model === variant.model && other.precision === variant.precision).map(({ version }) => version))];
  return { name: model, versions, platform: 'onnxruntime_onnx', inputs: tensors(spec.inputs), outputs: tensors(spec.outputs) };
}

/** The part of Triton's configuration that its clients read. */
function configuration({ variant, spec }: ServedGraph, { params: { model } }: ModelRequest) {
  const tensors = (of: typeof spec.inputs) => Object.entries(of).map(([name, tensor]) => ({ name, data_type: `TYPE_${DATA_TYPES[tensor.type]}`, dims: shapeOf(tensor) }));
  return { name: model, platform: 'onnxruntime_onnx', backend: 'onnxruntime', max_batch_size: 0, version_policy: { specific: { versions: [variant.version] } }, input: tensors(spec.inputs), output: tensors(spec.outputs) };
}

function statistics({ variant, name }: ServedGraph, { params: { model } }: ModelRequest, server: ModelServer) {
  const { succeeded, failed, computeMs, lastAt } = server.statisticsOf(name);
  const ns = Math.round(computeMs * 1e6);
  const inference = { success: { count: succeeded, ns }, fail: { count: failed, ns: 0 }, compute_infer: { count: succeeded, ns } };
  return { model_stats: [{ name: model, version: variant.version, last_inference: lastAt, inference_count: succeeded, execution_count: succeeded, inference_stats: inference, batch_stats: [] }] };
}

function addRepositoryRoutes(fastify: FastifyInstance, { variants }: GatewayContext): void {
  fastify.post('/v2/repository/index', { config: { scope: 'read' }, schema: inferenceDocumentation('Every model, precision and graph') }, () =>
    allGraphs(variants).map(({ name, variant }) => ({ name, version: variant.version, state: 'READY', reason: '' })));
  const refuse = () => {
    throw new Problem('not_supported', { detail: 'Models come from the registry and are loaded when they are asked for; see docs/gateway.md.' });
  };
  for (const action of ['load', 'unload']) fastify.post(`/v2/repository/models/:model/${action}`, { config: { scope: 'operate' }, schema: inferenceDocumentation('Not supported: models come from the registry') }, refuse);
}
