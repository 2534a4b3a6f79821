import { expect, test } from 'vitest';
import { redact } from './redact.ts';

test.each([
  ['connect redis://user:s3cret@host:6379/0', 'connect redis://(hidden)@host:6379/0'],
  ['redis://:s3cret@host', 'redis://(hidden)@host'],
  ['{"url":"https://u:p@ss@host/x"}', '{"url":"https://(hidden)@host/x"}'],
  ['brokers user:s3cret@host:9092,b:9092', 'brokers (hidden)@host:9092,b:9092'],
])('credentials in an address are hidden: %s', (text, shown) => {
  expect(redact(text)).toBe(shown);
});

test.each(['redis://host:6379', 'a:9092,b:9092', '{"time":"2026-01-01T10:00:00.000Z","mail":"a@b.c"}', 'at file:///x/y.ts:10:5'])(
  'other text stays as it is: %s',
  (text) => expect(redact(text)).toBe(text),
);

test('known secrets are hidden as they are, as JSON and as part of an address', () => {
  const secret = 'pa"ss wörd';
  const text = `${secret} ${JSON.stringify({ secret })} ${encodeURIComponent(secret)}`;
  expect(redact(text, [secret])).toBe('(hidden) {"secret":"(hidden)"} (hidden)');
});
