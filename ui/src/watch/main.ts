import { mount } from 'svelte';
import '../theme.css';
import Watch from './Watch.svelte';

const target = document.getElementById('app');
if (target)
  mount(Watch, {
    target,
    props: { playbackId: playbackId(location), recording: recording(location), token: token(location) },
  });

/** `/watch/{playback_id}`, or `?playback=` where the file itself is opened. */
function playbackId({ pathname, search }: Location): string {
  const inPath = /^\/watch\/([^/]+)/.exec(pathname)?.[1];
  return inPath ? decodeURIComponent(inPath) : (new URLSearchParams(search).get('playback') ?? '');
}

/** `?session=` shows that session's recording first. */
function recording({ search }: Location): string | null {
  return new URLSearchParams(search).get('session');
}

/** `?token=` lets the viewer into a signed channel. */
function token({ search }: Location): string | null {
  return new URLSearchParams(search).get('token');
}
