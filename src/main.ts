/// <reference types="node" preserve="true" />
export { type DibsHooks, openDibs } from './compose.ts';
export type { DibsOptions } from './config.ts';
export { DibsError, type TroubleCode } from './core/errors.ts';
export type { Dibs, Observer, RevisionGuard } from './engine/dibs.ts';
export type * from './engine/views.ts';
