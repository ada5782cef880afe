import { expect, test } from 'vitest';
import { failure } from './client';

test.each([
  [
    404,
    { code: 'channel_not_found', detail: 'No such channel.', request_id: 'r1' },
    'channel_not_found',
    'No such channel.',
    'r1',
  ],
  [401, { code: 'token_unknown', detail: 'Sign in.' }, 'unauthorized', 'Sign in.', null],
  [502, null, 'http_502', 'HTTP 502', null],
  [500, { code: 7 }, 'http_500', 'HTTP 500', null],
])('%i %o', (status, body, code, message, requestId) => {
  const got = failure(status, body);
  expect([got.code, got.message, got.requestId]).toEqual([code, message, requestId]);
});
