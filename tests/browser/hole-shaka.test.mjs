import { playsThroughHoles } from './hole.mjs';

playsThroughHoles('shaka');
