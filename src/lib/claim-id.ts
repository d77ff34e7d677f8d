import { hash } from 'node:crypto';
import type { Win } from '../core/win.ts';

/**
 * The id of a win: its slot and 12 hex characters of a SHA-1 over all that it is. SHA-1 because Redis scripts have that
 * hash and no other, so that every gate can make the id in the same atomic act as the win (1.0 µs here); nothing secret
 * depends on it.
 */
export function claimIdOf(eventId: string, epoch: number, win: Omit<Win, 'claimId'>): string {
  // None of the parts can hold a line feed, so that two wins never make the same text.
  const text = `${eventId}\n${epoch}\n${win.slot}\n${win.userId}\n${win.nth}\n${win.key ?? ''}\n${win.wonAt}`;
  return `${win.slot}-${hash('sha1', text, 'hex').slice(0, 12)}`;
}
