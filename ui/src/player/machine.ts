// What the viewer is shown, as a pure function: no network, no timer, no player in here.
//
//   loading ──▶ offline ◀──▶ starting ──▶ joining ──▶ live (⇄ stalled)
//                  ▲                         ▲          │
//                  │        next session ────┤          ▼
//                  └───────────────────────  └──────  ended ──▶ replay
//   lost: the playlists stopped coming in mid-session; a probe says whether to join again or that it has ended.
//   error: from anywhere; a probe may lead out of it.

export type Problem = 'unknown' | 'denied' | 'expired' | 'unreachable' | 'media' | 'unsupported';

export type State =
  | { name: 'loading' }
  | { name: 'offline' }
  | { name: 'starting' }
  | { name: 'joining'; session: string }
  | { name: 'live'; session: string; stalled: boolean }
  | { name: 'lost'; session: string }
  | { name: 'ended'; session: string }
  | { name: 'replay'; session: string; next: string }
  | { name: 'error'; problem: Problem; session: string };

export type Input =
  /** The answers to "is there a playlist?" */
  | { type: 'absent' }
  | { type: 'starting' }
  | { type: 'present'; session: string }
  | { type: 'unknown' }
  /** The channel is signed, and the viewer's token isn't good, or not any more. */
  | { type: 'denied' }
  | { type: 'expired' }
  | { type: 'unreachable' }
  /** What the player says. */
  | { type: 'playing' }
  | { type: 'stalled' }
  | { type: 'ended' }
  | { type: 'lost' }
  | { type: 'fatal' }
  | { type: 'unsupported' }
  /** What the viewer asks for. */
  | { type: 'replay' }
  | { type: 'goLive' }
  | { type: 'retry' };

export const initial: State = { name: 'loading' };

/** The session that the state is about; empty where there is none. */
export function session(state: State): string {
  return 'session' in state ? state.session : '';
}

/** Whether the page should go on asking for the playlist in this state. */
export function probes(state: State): boolean {
  switch (state.name) {
    case 'joining':
    case 'live':
      return false;
    case 'error':
      return state.problem !== 'unsupported';
    case 'loading':
    case 'offline':
    case 'starting':
    case 'lost':
    case 'ended':
    case 'replay':
      return true;
  }
}

export function next(state: State, input: Input): State {
  switch (input.type) {
    case 'absent':
      return absent(state);
    case 'starting':
      return state.name === 'replay' ? state : { name: 'starting' };
    case 'present':
      return present(state, input.session);
    case 'unknown':
    case 'denied':
    case 'expired':
      return error(state, input.type);
    case 'unreachable':
      // What can still be watched or read stays; the probe goes on beneath it.
      return state.name === 'ended' || state.name === 'replay' ? state : error(state, 'unreachable');
    case 'playing':
      return state.name === 'joining' || state.name === 'live'
        ? { name: 'live', session: state.session, stalled: false }
        : state;
    case 'stalled':
      return state.name === 'live' ? { ...state, stalled: true } : state;
    case 'lost':
      return state.name === 'live' || state.name === 'joining'
        ? { name: 'lost', session: state.session }
        : state;
    case 'ended':
      return state.name === 'live' || state.name === 'joining' || state.name === 'replay'
        ? { name: 'ended', session: state.session }
        : state;
    case 'fatal':
      return error(state, 'media');
    case 'unsupported':
      return error(state, 'unsupported');
    case 'replay':
      return state.name === 'ended' ? { name: 'replay', session: state.session, next: '' } : state;
    case 'goLive':
      return state.name === 'replay' && state.next ? { name: 'joining', session: state.next } : state;
    case 'retry':
      return initial;
  }
}

function error(state: State, problem: Problem): State {
  if (state.name === 'error' && state.problem === problem) return state;
  return { name: 'error', problem, session: session(state) };
}

function absent(state: State): State {
  switch (state.name) {
    case 'lost':
      return { name: 'ended', session: state.session };
    case 'error':
      // Who had a picture learns that it is over; who never had one, that there is none.
      return state.session ? { name: 'ended', session: state.session } : { name: 'offline' };
    case 'offline':
    case 'ended':
    case 'replay':
      return state;
    case 'loading':
    case 'starting':
    case 'joining':
    case 'live':
      return { name: 'offline' };
  }
}

function present(state: State, session: string): State {
  switch (state.name) {
    case 'joining':
    case 'live':
      return state;
    case 'ended':
      // The server may name an ended session for a while: that is not the next one.
      return state.session === session ? state : { name: 'joining', session };
    case 'replay':
      // Nobody is torn out of a recording: the next session is offered.
      return state.session === session || state.next === session ? state : { ...state, next: session };
    case 'error':
      // What this browser could not play a moment ago it can't play now: only the viewer tries that again.
      return state.problem === 'media' && state.session === session ? state : { name: 'joining', session };
    case 'loading':
    case 'offline':
    case 'starting':
    case 'lost':
      return { name: 'joining', session };
  }
}
