/** Which words of a macro make it worth seeing through. */
import { ACQUIRES } from './acquire.ts';
import { isProtocolName } from './effects.ts';

/** Names around page pinning, flags of gup, and jumps that a macro would hide. */
export function isMeaningful(word: string): boolean {
  if (word === 'goto' || word === 'return') return true;
  return word.startsWith('FOLL_') || ACQUIRES.has(word) || isProtocolName(word);
}
