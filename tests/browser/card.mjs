// Reads our test card from a playing <video>: which frame it shows, when it was drawn, and when it flashes and beeps.
// These functions run inside the page.

/**
 * Puts `window.card` into the page: `read()` gives `{ frame, wallMs, flash }` of the shown picture, or null where there is no
 * card; `frames` collects one entry a presented frame, `beeps` the onsets of the beep, both on the clock of performance.now().
 */
export function install() {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const card = (window.card = { frames: [], beeps: [], loud: 0, read });

  function read() {
    const [w, h] = [video.videoWidth, video.videoHeight];
    if (!w) return null;
    if (canvas.width !== w) [canvas.width, canvas.height] = [w, h];
    pen.drawImage(video, 0, 0);
    const y = Math.floor(h / 30);
    const strip = pen.getImageData(0, y, w, 1).data;
    const bits = Array.from({ length: 80 }, (_, cell) => strip[4 * Math.floor(((cell + 0.5) * w) / 80)] > 127);
    if (!(bits[0] && !bits[1] && bits[2] && !bits[3])) return null;
    const number = (from, to) => bits.slice(from, to).reduce((n, bit) => n * 2 + Number(bit), 0);
    let check = 0;
    for (let at = 4; at < 76; at += 4) check ^= number(at, at + 4);
    if (check !== number(76, 80)) return null;
    const dot = pen.getImageData(Math.floor((3 * w) / 16), Math.floor((12 * h) / 16), 1, 1).data;
    return { frame: number(4, 36), wallMs: number(36, 76), flash: dot[0] > 127 };
  }

  const onFrame = (now, metadata) => {
    const seen = read();
    if (seen) {
      const clock = Date.now() % 2 ** 40;
      const steady = video.playbackRate === 1;
      card.frames.push({ ...seen, steady, at: metadata.expectedDisplayTime ?? now, latencyMs: clock - seen.wallMs });
    }
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}

/** Listens to the <video>: onsets of the beep into `card.beeps`, and the loudest sample into `card.loud`. */
export async function listen() {
  const video = document.querySelector('video');
  const context = new AudioContext();
  const worklet = `registerProcessor('onset', class extends AudioWorkletProcessor {
    quiet = 0;
    process([[samples]]) {
      if (!samples) return true;
      let loudest = 0, first = -1;
      for (let i = 0; i < samples.length; i++) {
        const level = Math.abs(samples[i]);
        if (level > loudest) loudest = level;
        if (first < 0 && level > 0.05) first = i;
      }
      if (first >= 0 && this.quiet > 0.2) this.port.postMessage({ onset: currentTime + first / sampleRate });
      this.quiet = first >= 0 ? 0 : this.quiet + samples.length / sampleRate;
      if (loudest > 0) this.port.postMessage({ loudest });
      return true;
    }
  });`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
  const onset = new AudioWorkletNode(context, 'onset');
  onset.port.onmessage = ({ data }) => {
    if (data.loudest) window.card.loud = Math.max(window.card.loud, data.loudest);
    if (data.onset === undefined) return;
    // Chromium keeps its picture in time with the moment at which Web Audio takes the samples, not with the one at which they
    // leave this tap's output: its latency is the tap's own, and no viewer's.
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    window.card.beeps.push(performanceTime + (data.onset - contextTime - context.outputLatency) * 1000);
  };
  // The watch page keeps itself muted until the viewer says otherwise.
  document.querySelector('[data-testid="unmute"]')?.click();
  video.volume = 1;
  context.createMediaElementSource(video).connect(onset).connect(context.destination);
  await context.resume();
}

/**
 * For each flash that a beep lies near: when the picture flashed less when the sound beeped, ms. Only where the player keeps
 * its pace: while it catches up, the browser stretches the sound.
 */
export function offsets({ frames, beeps }) {
  const flashes = frames.filter((f, i) => f.flash && f.steady && i > 0 && !frames[i - 1].flash).map((f) => f.at);
  return flashes.flatMap((flash) => {
    const nearest = beeps.reduce((best, beep) => (Math.abs(flash - beep) < Math.abs(flash - best) ? beep : best), Infinity);
    return Math.abs(flash - nearest) < 400 ? [flash - nearest] : [];
  });
}

/** The middle of a list. */
export const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
