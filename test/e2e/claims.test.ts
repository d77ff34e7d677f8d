/** The cases of claiming, against one server. */
import { describe } from 'node:test';
import { registerClaims } from './cases/claims.ts';
import { oneServer, shared } from './site.ts';

describe('claims over HTTP', () => registerClaims(shared(oneServer)));
