import { expect, test } from 'vitest';
import { handle, NOW, record, rejectionOf, request, taskOf, testClassifier } from './testing.ts';

const by = (tenant: string, at = NOW) => ({ headers: { 'tandem-tenant': tenant }, timestamp: at });
const whole = [0, 1, 2, 3].map((partition) => ({ topic: 'tandem.requests', partition }));

test('a tenant beyond its quota is refused by name, others and the bulk lane are not', async () => {
  const { classifier } = testClassifier({ quotas: { workloads: {}, tenants: { loud: 1 } } });
  await taskOf(classifier, record('requests', request(), by('loud')));
  const refused = await rejectionOf(classifier, record('requests', request(), by('loud')));
  expect(refused).toMatchObject({ code: 'quota_exceeded', reason: 'overload', message: 'tenant loud has sent more than its 1 requests a second; send less, or use the bulk lane' });
  await taskOf(classifier, record('requests', request(), by('quiet')));
  await taskOf(classifier, record('requests.bulk', request(), by('loud')));
  await taskOf(classifier, record('requests', request(), by('loud', NOW + 1_000)));
});

test('what was sent slowly and is read fast is let in: its append times count', async () => {
  const { classifier } = testClassifier({ quotas: { workloads: { recommend: 2 }, tenants: {} } });
  for (let second = 0; second < 20; second += 1) await taskOf(classifier, record('requests', request({ hints: { deadlineMs: 60_000 } }), { timestamp: NOW - 20_000 + second * 500 }));
});

test('a classifier lets in as much as its share of the partitions', async () => {
  const { classifier } = testClassifier({ quotas: { workloads: { recommend: 400 }, tenants: {} }, partitions: 4 });
  const admitted = async (at: number) => {
    const outputs = await Promise.all(Array.from({ length: 60 }, () => handle(classifier, record('requests', request(), { timestamp: at }))));
    return outputs.filter(([output]) => output!.topic === 'tandem.tasks').length;
  };
  classifier.onAssigned?.(whole);
  expect(await admitted(NOW)).toBe(40);
  classifier.onRevoked?.(whole.slice(1));
  expect(await admitted(NOW + 10_000)).toBe(10);
});

test('what is invalid costs its tenant nothing', async () => {
  const { classifier } = testClassifier({ quotas: { workloads: {}, tenants: { ann: 1 } } });
  expect(await rejectionOf(classifier, record('requests', request({ workload: 'nothing' }), by('ann')))).toMatchObject({ code: 'unknown_workload' });
  await taskOf(classifier, record('requests', request(), by('ann')));
});
