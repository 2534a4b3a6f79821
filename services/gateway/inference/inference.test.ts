import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';
import { allGraphs, findGraph } from './model-name.ts';

let running: RunningGateway;

beforeAll(async () => {
  running = await startGatewayAndStages({}, { stages: [] });
});
afterAll(async () => running[Symbol.asyncDispose]());

const call = (method: 'GET' | 'POST', url: string, payload?: object | Buffer | string, headers: Record<string, string> = {}) =>
  running.gateway.server.inject({ method, url, headers: { host: 'localhost', ...headers }, ...(payload === undefined ? {} : { payload }) });
const infer = (body: object | Buffer | string, model = 'digits-small', headers = {}) => call('POST', `/v2/models/${model}/infer`, body, headers);
const pixels = (over: object = {}) => ({ name: 'pixels', shape: [1, 64], datatype: 'FP32', data: Array.from({ length: 64 }, () => 0), ...over });

test('every registered graph runs under its full name', { timeout: 120_000 }, async () => {
  const small = (size: number | string) => (typeof size === 'number' ? size : 1);
  for (const { name, spec } of allGraphs(running.ports.variants)) {
    const half = Object.values(spec.inputs).some(({ type }) => type === 'float16');
    const [outputs] = [Object.entries(spec.outputs)];
    if (half || outputs.some(([, { type }]) => type === 'float16')) continue;
    const inputs = Object.entries(spec.inputs).map(([input, { shape, type }]) => {
      const own = shape.map(small);
      return { name: input, shape: own, datatype: { float32: 'FP32', int32: 'INT32', int8: 'INT8', uint8: 'UINT8', bool: 'BOOL' }[type as 'int32'], data: Array.from({ length: own.reduce((a, b) => a * b, 1) }, () => (type === 'bool' ? false : 0)) };
    });
    const response = await infer({ inputs }, name);
    expect(response.json<{ error?: string }>().error, name).toBeUndefined();
    expect(response.json<{ outputs: { name: string }[] }>().outputs.map((output) => output.name)).toEqual(outputs.map(([output]) => output));
  }
});

test('names mean the variant that they say, or the first of those that they leave open', () => {
  const { variants } = running.ports;
  expect(findGraph(variants, 'recommend-large')?.name).toBe('recommend-large.fp32.rank');
  expect(findGraph(variants, 'recommend-large.int8.catalogue')?.name).toBe('recommend-large.int8.catalogue');
  for (const name of ['nope', 'recommend-large.fp64', 'recommend-large.fp32.nope', '', '..', 'constructor', 'recommend-large.fp32.constructor']) expect(findGraph(variants, name)).toBeUndefined();
  expect(findGraph(variants, 'recommend-large', '1')).toBeUndefined();
});

test.each([
  [{ inputs: [pixels({ name: 'other' })] }, 'invalid_tensor'], [{ inputs: [pixels(), pixels()] }, 'invalid_tensor'], [{ inputs: [pixels({ shape: [1, 65] })] }, 'invalid_tensor'],
  [{ inputs: [pixels({ shape: [0, 64], data: [] })] }, 'invalid_tensor'], [{ inputs: [pixels({ data: [1] })] }, 'invalid_tensor'], [{ inputs: [pixels({ data: Array.from({ length: 64 }, () => 'x') })] }, 'invalid_tensor'],
  [{ inputs: [pixels({ data: undefined })] }, 'invalid_tensor'], [{ inputs: [pixels()], outputs: [{ name: 'nope' }] }, 'invalid_tensor'], [{ inputs: 'x' }, 'invalid_request'], [{}, 'invalid_request'],
  [{ inputs: [pixels({ parameters: { binary_data_size: 256 } })] }, 'invalid_tensor'], [{ inputs: [pixels({ shape: [1e9, 64] })] }, 'invalid_tensor'], ['{', 'invalid_json'],
])('refuses %j with %s, also where Triton’s and KServe’s clients look for the message', async (body, code) => {
  const response = await infer(body);
  // KServe's compares the whole header.
  expect(response.headers['content-type']).toBe('application/json');
  expect(response.json()).toMatchObject({ status: 400, code, error: expect.any(String) as string });
});

test('an answer cannot be made larger than the model makes it: no output twice, and of many elements none as JSON', async () => {
  const wideGateway = await running.another({ gatewayMaxDimension: 20_000 });
  const outputs = Object.keys(allGraphs(running.ports.variants).find(({ name }) => name.startsWith('digits-small.fp32'))!.spec.outputs).flatMap((name) => [{ name }, { name }]);
  expect((await infer({ inputs: [pixels()], outputs })).json()).toMatchObject({ status: 400, code: 'invalid_tensor' });
  const rows = 12_000;
  const ids = (name: string) => ({ name, shape: [rows, 1], datatype: 'INT32', data: Array.from({ length: rows }, () => 1) });
  const wide = await wideGateway.server.inject({ method: 'POST', url: '/v2/models/recommend-small/infer', headers: { host: 'localhost' }, payload: { inputs: [ids('history'), ids('exclude')] } });
  expect(wide.json()).toMatchObject({ status: 413, code: 'too_large', detail: expect.stringContaining('binary_data_output') as string });
});

test('sizes are refused before anything is reserved for them: by dimension, also by the model’s own limit, and by tensor', async () => {
  const ids = (name: string, rows: number, columns: number) => ({ name, shape: [rows, columns], datatype: 'INT32', parameters: { binary_data_size: rows * columns * 4 } });
  const ask = (inputs: object[], bytes: number) => {
    const json = Buffer.from(JSON.stringify({ inputs, outputs: [{ name: 'scores', parameters: { binary_data: true } }] }));
    return infer(Buffer.concat([json, Buffer.alloc(bytes)]), 'recommend-large.fp32.prefill', { 'inference-header-content-length': String(json.length) });
  };
  const detail = (text: string) => ({ status: 413, code: 'too_large', detail: expect.stringContaining(text) as string });
  expect((await ask([ids('history', 1, 129), ids('candidates', 1, 1)], 4 * 130)).json()).toMatchObject(detail('length is 129; at most 128'));
  expect((await ask([ids('history', 1, 1), ids('candidates', 1, 4_097)], 4 * 4_098)).json()).toMatchObject(detail('candidates is 4097; at most 4096'));
  expect((await ask([ids('history', 200, 128), ids('candidates', 200, 1)], 4 * 200 * 129)).json()).toMatchObject(detail('kv would have 4915200 elements'));
  expect((await ask([ids('history', 1, 128), ids('candidates', 1, 4_096)], 4 * (128 + 4_096))).statusCode).toBe(200);
});

test.each(['-1', '1e3', '99999', 'x'])('refuses a length of JSON of %s', async (length) => {
  expect((await infer({ inputs: [pixels()] }, 'digits-small', { 'inference-header-content-length': length })).json()).toMatchObject({ status: 400 });
});

test('an element that its type cannot hold is refused, and not wrapped around', async () => {
  const inputs = (value: unknown) => ({ inputs: [{ name: 'history', shape: [1, 1], datatype: 'INT32', data: [value] }, { name: 'exclude', shape: [1, 1], datatype: 'INT32', data: [0] }] });
  expect((await infer(inputs(1), 'recommend-small')).statusCode).toBe(200);
  for (const value of [2 ** 31, 1.5, null]) expect((await infer(inputs(value), 'recommend-small')).json()).toMatchObject({ code: 'invalid_tensor' });
});

test('OpenAPI 3.1 has every route that people call, and the page to try them needs nothing from elsewhere', async () => {
  const document = (await call('GET', '/openapi.json')).json<{ openapi: string; paths: Record<string, object>; components: object }>();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/v1/requests', '/v1/requests/{id}', '/v1/requests:batch', '/v1/stream', '/v1/interactions', '/v2/models/{model}/infer']));
  expect(JSON.stringify(document.paths['/v1/requests'])).toContain('deadlineMs');
  const page = await call('GET', '/docs/');
  const assets = [...page.payload.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset]) => asset!);
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    expect(asset).not.toMatch(/^(https?:)?\/\//);
    expect((await call('GET', new URL(asset, 'http://localhost/docs/').pathname)).statusCode).toBe(200);
  }
  expect(page.payload).not.toMatch(/<script>[^<]/);
});
