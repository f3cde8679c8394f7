/** Names in `#if` that say that the kernel has something: `HAVE_PIN_USER_PAGES`, `NV_PIN_USER_PAGES_PRESENT`, `FOLL_PIN`. */
import type { NameLife } from '../../syntax/preprocess/environment.ts';
import { type KernelVersion, parseKernelVersion } from '../../syntax/preprocess/version.ts';
import { FLAG_LIFE_BY_NAME, FUNCTION_LIVES } from './history.ts';

const NAMED_AFTER = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*?_(?=(?:GET|PIN|UNPIN|PUT)_USER_)/;
const ENDING = /_(?:PRESENT|SUPPORT|SUPPORTED|AVAILABLE|EXISTS?|API|FUNC|FN)$/;

/** From 6.3 on the flags are enumerators, of which `#ifdef` sees nothing. */
const ENUMERATED: KernelVersion = { major: 6, minor: 3, patch: 0 };

/** Who asks for FOLL_PIN asks for the functions: they define some of their own where it is not there. */
const PIN: NameLife = { since: { major: 5, minor: 6, patch: 0 } };

/** In which releases the function is that a name is made of, or a flag is a macro; undefined for other names. */
export function lifeOf(name: string): NameLife | undefined {
  if (name.startsWith('FOLL_')) return name === 'FOLL_PIN' ? PIN : flagLife(name);
  const head = NAMED_AFTER.exec(name)?.[0];
  if (head === undefined) return undefined;
  const api = name.slice(head.length).replace(ENDING, '').toLowerCase();
  const since = FUNCTION_LIVES.get(api)?.since;
  return since === undefined ? undefined : { since: parseKernelVersion(since) };
}

function flagLife(name: string): NameLife | undefined {
  const since = FLAG_LIFE_BY_NAME.get(name)?.since;
  return since === undefined ? undefined : { since: parseKernelVersion(since), until: ENUMERATED };
}
