import { FUNCTION_LIVES } from '../flow/kernel/history.ts';
import { isSince, presenceOf } from '../flow/kernel/presence.ts';
import type { Finding } from '../rules/finding.ts';
import type { SourceFile } from '../syntax/source.ts';
import { type CallText, callAt, callsOf, textOf } from './edits/call.ts';
import { changedCall } from './edits/rewrite-call.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** A call in today's form: a name, and arguments by which the old ones are replaced. */
interface Form {
  readonly name: string;
  readonly args: readonly string[];
}

/** The call as the target kernel has it, where that is another name or fewer arguments for the same thing. */
export function fixObsoleteApi(finding: Finding, source: FixSource): Attempts {
  const { file } = source;
  const call = callAt(file, finding.range.start);
  if (call === undefined)
    return [{ refusal: 'a flag is not replaced by machine: what it did is done elsewhere' }];
  const args = call.args.map((arg) => textOf(file, arg));
  const lock = semaphore(file, call);
  if (lock !== undefined) return [lockPairs(source, call, lock.name)];
  const form =
    renamed(call.name, args, source) ??
    shortened(call.name, args, source) ??
    withVmas(call.name, args, source);
  if (form === undefined) {
    const life = FUNCTION_LIVES.get(call.name);
    const isThere = life !== undefined && presenceOf(life, source.kernel) === 'present';
    const instead = isThere ? undefined : (life?.later ?? life?.earlier);
    const why =
      instead === undefined
        ? 'its arguments do not say enough'
        : `${instead} takes other arguments, or does something else`;
    return [{ refusal: why }];
  }
  if (form.args.some((arg) => arg.includes('\n')))
    return [{ refusal: 'an argument goes over several lines' }];
  const same = form.args.length === args.length && form.args.every((arg, index) => arg === args[index]);
  const edits = same
    ? changedCall(file, call, { name: form.name })
    : [{ range: call.range, newText: `${form.name}(${form.args.join(', ')})` }];
  return [attempt(`Use ${form.name}()`, 'safe', edits)];
}

const SEMAPHORES = new Set(
  ['down', 'up'].flatMap((way) =>
    ['read', 'write'].flatMap((mode) => ['', '_trylock', '_killable'].map((how) => `${way}_${mode}${how}`)),
  ),
);

/** All uses of mmap_sem in the function: taken under one name, it must be released under the same. */
function lockPairs(source: FixSource, call: CallText, name: string) {
  const { file } = source;
  const fn = file.functions[file.functionAt(call.range.start)];
  const calls = fn === undefined ? [call] : callsOf(file, SEMAPHORES, { start: fn.bodyStart, end: fn.end });
  const edits = calls.flatMap((each) => {
    const form = semaphore(file, each);
    return form === undefined
      ? []
      : [{ range: each.range, newText: `${form.name}(${form.args.join(', ')})` }];
  });
  return attempt(`Use ${name}()`, 'safe', edits);
}

/** `down_read(&mm->mmap_sem)` is `mmap_read_lock(mm)` since 5.8. */
function semaphore(file: SourceFile, { name, args: ranges }: CallText): Form | undefined {
  const args = ranges.map((range) => textOf(file, range));
  const match = /^(down|up)_(read|write)(_trylock|_killable)?$/.exec(name);
  const mm = /^&\s*(.+?)\s*->\s*mmap_sem$/.exec(args[0] ?? '')?.[1];
  if (match === null || mm === undefined) return undefined;
  const [, way, mode, attempted] = match;
  const verb = attempted === '_trylock' ? 'trylock' : way === 'down' ? 'lock' : 'unlock';
  return { name: `mmap_${mode}_${verb}${attempted === '_killable' ? '_killable' : ''}`, args: [mm] };
}

function renamed(name: string, args: readonly string[], { kernel }: FixSource): Form | undefined {
  const pins = isSince(kernel, '5.6');
  switch (name) {
    case 'put_user_page':
      return pins ? { name: 'unpin_user_page', args } : undefined;
    case 'put_user_pages':
      return pins ? { name: 'unpin_user_pages', args } : undefined;
    case 'put_user_pages_dirty':
    case 'put_user_pages_dirty_lock': {
      const marked = args.length === 2 ? [...args, 'true'] : args;
      if (pins) return { name: 'unpin_user_pages_dirty_lock', args: marked };
      return isSince(kernel, '5.4') ? { name: 'put_user_pages_dirty_lock', args: marked } : undefined;
    }
    case 'unpin_user_page':
      return isSince(kernel, '5.2') ? { name: 'put_user_page', args } : { name: 'put_page', args };
    case 'unpin_user_pages':
      return isSince(kernel, '5.2') ? { name: 'put_user_pages', args } : undefined;
    case 'unpin_user_pages_dirty_lock':
      return isSince(kernel, '5.4') ? { name: 'put_user_pages_dirty_lock', args } : undefined;
    case 'page_maybe_dma_pinned':
      return { name: 'folio_maybe_dma_pinned', args: [`page_folio(${args[0]})`] };
    case 'folio_maybe_dma_pinned': {
      const page = /^page_folio\((.*)\)$/.exec(args[0] ?? '')?.[1];
      return isSince(kernel, '5.7') && page !== undefined
        ? { name: 'page_maybe_dma_pinned', args: [page] }
        : undefined;
    }
    case '__get_user_pages_fast': {
      const [start, count, write, pages] = args;
      if (pages === undefined || !isSince(kernel, '5.8')) return undefined;
      return {
        name: 'get_user_pages_fast_only',
        args: [start!, count!, choice(write!, 'FOLL_WRITE'), pages],
      };
    }
    case 'page_cache_release':
      return { name: 'put_page', args };
    case 'pin_user_pages_fast_only':
      return { name: 'pin_user_pages_fast', args };
    default:
      return undefined;
  }
}

/** Arguments that later releases do not have: vmas, tsk and mm, write and force. */
function shortened(name: string, args: readonly string[], { kernel }: FixSource): Form | undefined {
  const base = name.replace(/^(?:get|pin)_user_pages/, '');
  if (!/^(?:get|pin)_user_pages/.test(name)) return undefined;
  let rest = [...args];
  if (base === '') {
    if ((rest.length === 8 || rest.length === 7) && isSince(kernel, '4.6')) {
      if (!isOwn(rest[0]!, rest[1]!)) return undefined;
      rest = rest.slice(2);
    }
    // start, nr, write, force, pages, vmas
    if (rest.length === 6 && isSince(kernel, '4.9'))
      rest = [rest[0]!, rest[1]!, flags(rest[2]!, rest[3]!), rest[4]!, rest[5]!];
    if (rest.length === 5 && isSince(kernel, '6.5')) {
      if (rest[4] !== 'NULL') return undefined;
      rest = rest.slice(0, 4);
    }
  } else if (base === '_remote') {
    // tsk, mm, start, nr, flags, pages, vmas, locked
    if (rest.length === 8 && isSince(kernel, '5.9') && !/^(?:0|1|true|false|write|force)$/.test(rest[5]!))
      rest = rest.slice(1);
    if (rest.length === 7 && isSince(kernel, '6.5')) {
      if (rest[5] !== 'NULL') return undefined;
      rest.splice(5, 1);
    }
  } else if (base === '_unlocked') {
    if (rest.length === 7 && isSince(kernel, '4.6')) {
      if (!isOwn(rest[0]!, rest[1]!)) return undefined;
      rest = rest.slice(2);
    }
    // start, nr, write, force, pages
    if (rest.length === 5 && isSince(kernel, '4.9'))
      rest = [rest[0]!, rest[1]!, rest[4]!, flags(rest[2]!, rest[3]!)];
  }
  return rest.length < args.length ? { name, args: rest } : undefined;
}

/** The vmas argument that releases before 6.5 have. */
function withVmas(name: string, args: readonly string[], { kernel }: FixSource): Form | undefined {
  if (isSince(kernel, '6.5')) return undefined;
  if (/^(?:get|pin)_user_pages$/.test(name) && args.length === 4 && isSince(kernel, '4.9'))
    return { name, args: [...args, 'NULL'] };
  if (/^(?:get|pin)_user_pages_remote$/.test(name) && args.length === 6 && isSince(kernel, '5.9'))
    return { name, args: [...args.slice(0, 5), 'NULL', args[5]!] };
  return undefined;
}

function isOwn(task: string, mm: string): boolean {
  return task === 'current' && mm.replace(/\s/g, '') === 'current->mm';
}

function flags(write: string, force: string): string {
  const parts = [choice(write, 'FOLL_WRITE'), choice(force, 'FOLL_FORCE')].filter((each) => each !== '0');
  if (parts.length === 0) return '0';
  return parts.length === 1
    ? parts[0]!
    : parts.map((each) => (each.includes('?') ? `(${each})` : each)).join(' | ');
}

/** A truth value as a flag. */
function choice(value: string, flag: string): string {
  if (value === '1' || value === 'true') return flag;
  if (value === '0' || value === 'false') return '0';
  return `${value} ? ${flag} : 0`;
}
