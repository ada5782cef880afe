import { describe, expect, test } from 'vitest';
import { initial, next, probes, type Input, type State } from './machine';
import { answer, sessionOf } from './probe';

const A = 'ses_A';
const B = 'ses_B';
const present = (session: string): Input => ({ type: 'present', session });
const run = (inputs: Input[], from: State = initial) => inputs.reduce(next, from);

describe('a viewer', () => {
  const cases: [string, Input[], State][] = [
    ['finds nobody on air', [{ type: 'absent' }], { name: 'offline' }],
    ['comes before the picture', [{ type: 'absent' }, { type: 'starting' }], { name: 'starting' }],
    ['joins', [present(A)], { name: 'joining', session: A }],
    ['sees it live', [present(A), { type: 'playing' }], { name: 'live', session: A, stalled: false }],
    [
      'sees a stall pass',
      [present(A), { type: 'playing' }, { type: 'stalled' }, { type: 'playing' }],
      { name: 'live', session: A, stalled: false },
    ],
    [
      'stays at the end while the server still names the old session',
      [present(A), { type: 'playing' }, { type: 'ended' }, present(A), { type: 'absent' }],
      { name: 'ended', session: A },
    ],
    [
      'is taken to the next session without a reload',
      [present(A), { type: 'playing' }, { type: 'ended' }, present(B)],
      { name: 'joining', session: B },
    ],
    [
      'rejoins when the playlists come back',
      [present(A), { type: 'playing' }, { type: 'lost' }, { type: 'unreachable' }, present(A)],
      { name: 'joining', session: A },
    ],
    [
      'learns that a lost session is over',
      [present(A), { type: 'playing' }, { type: 'lost' }, { type: 'absent' }],
      { name: 'ended', session: A },
    ],
    [
      'is not torn out of a recording',
      [present(A), { type: 'ended' }, { type: 'replay' }, present(A), present(B)],
      { name: 'replay', session: A, next: B },
    ],
    [
      'goes live from a recording',
      [present(A), { type: 'ended' }, { type: 'replay' }, present(B), { type: 'goLive' }],
      { name: 'joining', session: B },
    ],
    [
      'is not put through the same failure again and again',
      [present(A), { type: 'fatal' }, present(A)],
      { name: 'error', problem: 'media', session: A },
    ],
    [
      'tries again by hand',
      [present(A), { type: 'fatal' }, { type: 'retry' }, present(A)],
      { name: 'joining', session: A },
    ],
    [
      'learns after a fault that the session is over',
      [present(A), { type: 'playing' }, { type: 'fatal' }, { type: 'absent' }],
      { name: 'ended', session: A },
    ],
    ['is told of a wrong address', [{ type: 'unknown' }], { name: 'error', problem: 'unknown', session: '' }],
  ];
  test.each(cases)('%s', (_name, inputs, expected) => {
    expect(run(inputs)).toEqual(expected);
  });

  test('the same news twice is no change', () => {
    const offline = run([{ type: 'absent' }]);
    expect(next(offline, { type: 'absent' })).toBe(offline);
  });

  test('asks for the playlist except while it plays, or never can', () => {
    expect(probes(run([present(A), { type: 'playing' }]))).toBe(false);
    expect(probes(run([{ type: 'unsupported' }]))).toBe(false);
    expect(probes(run([present(A), { type: 'ended' }]))).toBe(true);
    expect(probes(run([{ type: 'unreachable' }]))).toBe(true);
  });
});

test('the server’s answers', () => {
  const playlist = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nses_01J9/video/media.m3u8?v=1\n';
  expect(answer(200, playlist)).toEqual({ type: 'present', session: 'ses_01J9' });
  expect(answer(404, '')).toEqual({ type: 'absent' });
  expect(answer(404, '{"code":"playback_not_found"}')).toEqual({ type: 'unknown' });
  expect(answer(404, '{"code":"session_starting"}')).toEqual({ type: 'starting' });
  expect(answer(503, '<html>')).toEqual({ type: 'starting' });
  expect(answer(500, '')).toEqual({ type: 'unreachable' });
  expect(answer(401, '{"code":"token_expired"}')).toEqual({ type: 'expired' });
  expect(answer(403, '{"code":"token_wrong_playback"}')).toEqual({ type: 'denied' });
  expect(sessionOf('#EXTM3U')).toBe('');
});
