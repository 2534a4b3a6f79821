import { expect, test } from 'vitest';
import { parseCatalogue } from './catalogue.ts';

const GOOD = `
machines:
  - { name: all, roles: [worker, edge, broker, redis], cores: 8, memoryGiB: 16, pricePerHour: 1 }
`;

const messageOf = (text: string): string => {
  try {
    parseCatalogue(text, 'machines.yaml');
  } catch (error) {
    expect(error).toMatchObject({ code: 'catalogue_invalid' });
    return (error as Error).message;
  }
  throw new Error('it was accepted');
};

test('what is not said has defaults', () => {
  expect(parseCatalogue(GOOD, 'x')).toMatchObject({ currency: 'EUR', zones: 3, machines: [{ speed: 1 }], assumptions: { replication: 3 } });
});

test('a wrong field is named with its machine and what would be valid', () => {
  const message = messageOf(`${GOOD}  - { name: odd, roles: [brokr], cores: 0, memoryGiB: 1, pricePerHour: 1, sped: 2 }`);
  expect(message).toContain('machines.1 (odd).roles.0');
  expect(message).toContain('"worker"|"edge"|"broker"|"redis"');
  expect(message).toContain('machines.1 (odd).cores');
  expect(message).toContain('"sped"');
});

test('roles that nobody has, names that come twice, and what is not YAML are refused', () => {
  expect(messageOf('machines: [{ name: w, roles: [worker], cores: 1, memoryGiB: 1, pricePerHour: 1 }]')).toContain('no machine has the role edge');
  expect(messageOf(`${GOOD}${GOOD.split('\n')[2]}`)).toContain('all is there twice');
  expect(messageOf('machines: a: b')).toBe('machines.yaml: not YAML: Nested mappings are not allowed in compact mappings at line 1, column 11');
  expect(messageOf('')).toContain('machines');
});

test('assumptions can be set, and only those that there are', () => {
  expect(parseCatalogue(`${GOOD}assumptions: { hopMedianMs: 3 }`, 'x').assumptions.hopMedianMs).toBe(3);
  expect(messageOf(`${GOOD}assumptions: { hopMedian: 3 }`)).toContain('hopMedian');
});
