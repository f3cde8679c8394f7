/** Names in `#if` that say that the kernel has a function: `HAVE_PIN_USER_PAGES`, `NV_PIN_USER_PAGES_PRESENT`. */
import { type KernelVersion, parseKernelVersion } from '../../syntax/preprocess/version.ts';
import { FUNCTION_LIVES } from './history.ts';

const NAMED_AFTER = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*?_(?=(?:GET|PIN|UNPIN|PUT)_USER_)/;
const ENDING = /_(?:PRESENT|SUPPORT|SUPPORTED|AVAILABLE|EXISTS?|API|FUNC|FN)$/;

/** The first release that has the function that a name is made of; undefined for other names. */
export function sinceOf(name: string): KernelVersion | undefined {
  const head = NAMED_AFTER.exec(name)?.[0];
  if (head === undefined) return undefined;
  const api = name.slice(head.length).replace(ENDING, '').toLowerCase();
  const since = FUNCTION_LIVES.get(api)?.since;
  return since === undefined ? undefined : parseKernelVersion(since);
}
