// The shapes of the HTTP API, by the names the console uses. Generated: `npm run api:types`.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Channel = Schemas['Channel'];
export type Session = Schemas['Session'];
export type Source = Schemas['Source'];
export type Asset = Schemas['Asset'];
