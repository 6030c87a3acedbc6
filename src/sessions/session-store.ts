import type { EndingStore } from './ending-store.ts';
import type { ReadingStore } from './reading-store.ts';
import type { SweepingStore } from './sweeping-store.ts';

/** A store of sessions. Every implementation passes the same contract suite on real servers. */
export interface SessionStore extends ReadingStore, EndingStore, SweepingStore {}
