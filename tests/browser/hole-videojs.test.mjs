import { playsThroughHoles } from './hole.mjs';

playsThroughHoles('video.js');
