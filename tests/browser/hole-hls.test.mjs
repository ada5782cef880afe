import { playsThroughHoles } from './hole.mjs';

playsThroughHoles('hls.js');
