/** Annotation macros (`__user`, `__init`, `__printf(1, 2)`) become blanks: they say nothing that flow needs. */
import type { DialectContext } from './context.ts';
import { isDeclarationWord } from './words.ts';

/** Annotations that are always blanked. Sources: include/linux/compiler*.h, init.h, linkage.h, cache.h, percpu-defs.h. */
const PLAIN = new Set(
  `__user __kernel __iomem __percpu __rcu __force __nocast __safe __private __bitwise __init __exit
  __initdata __exitdata __initconst __exitconst __init_or_module __initdata_or_module __initconst_or_module
  __ref __refdata __refconst __meminit __memexit __meminitdata __meminitconst __cpuinit __cpuexit __devinit
  __devexit __devinitdata __net_init __net_exit __net_initdata __net_exitdata __sched __lockfunc __kprobes
  __latent_entropy __visible __must_check __maybe_unused __always_unused __always_inline __noreturn __cold
  __hot __used __pure __weak __deprecated __packed __attribute_const__ __noclone __flatten
  __no_sanitize_address __no_kasan_or_inline __no_kcsan __no_sanitize_or_inline __no_profile
  __no_randomize_layout __randomize_layout __no_stack_protector __nocfi __noendbr __noscs __ro_after_init
  __read_mostly __cacheline_aligned __cacheline_aligned_in_smp ____cacheline_aligned
  ____cacheline_aligned_in_smp ____cacheline_internodealigned_in_smp __page_aligned_data __page_aligned_bss
  __nonstring __designated_init __gnu_inline __bpf_kfunc __bpf_hook_start __irq_entry __softirq_entry
  __entry_text __cpuidle __no_caller_saved_registers __malloc __returns_nonnull __restrict __restrict__
  __extension__ __head __inittext __nosavedata __stdcall asmlinkage noinline noinline_for_stack
  noinline_for_tracing noinline_for_kasan noinstr notrace nokprobe_inline fastcall __ksym __noreturn__
  __arch_always_inline __nocf_check __interrupt`.split(/\s+/),
);

/** Annotations with arguments, blanked together with them. `__free` and `__cleanup` belong to cleanup.h. */
const WITH_ARGUMENTS = new Set(
  `__attribute__ __attribute __printf __scanf __acquires __releases __must_hold __cond_acquires
  __cond_releases __acquire_shared __free __cleanup __section __aligned __alias __alloc_size
  __assume_aligned __counted_by __counted_by_le __counted_by_be __sized_by __diagnose_as __nonnull
  __compiletime_error __compiletime_warning __no_sanitize __realloc_size __copy __acquires_shared
  __releases_shared __must_hold_shared __declspec _Alignas __access __counted_by_ptr __section__
  __nonnull__ __aligned_largest`.split(/\s+/),
);

/** Of an annotation that is a macro of the file itself. */
const EMPTY_BODY = /^\s*(?:__attribute__\s*\(\(.*\)\)\s*)*$/;

/** Blanks annotations, wherever they stand. */
export function blankAnnotations(context: DialectContext): void {
  const { tokens, macros } = context;
  for (let at = 0; at < tokens.count; at++) {
    if (!tokens.isWord(at)) continue;
    const word = tokens.text(at);
    const bracketed = tokens.is(at + 1, '(') && tokens.partner(at + 1) > 0;
    if (WITH_ARGUMENTS.has(word)) {
      if (bracketed) tokens.blank(at, tokens.partner(at + 1));
      continue;
    }
    if (PLAIN.has(word)) {
      // `__deprecated("why")` and its like.
      const takesArguments = bracketed && tokens.isLiteral(at + 2) && tokens.partner(at + 1) === at + 3;
      tokens.blank(at, takesArguments ? at + 3 : at);
      continue;
    }
    const macro = macros.get(word);
    if (macro !== undefined && macro.params === undefined && EMPTY_BODY.test(macro.body)) {
      tokens.blank(at);
      continue;
    }
    if (!bracketed && looksLikeAnnotation(context, at)) tokens.blank(at);
  }
}

/**
 * An unlisted `__word` behind a type and before a name or a star: two words in a row, of which the first already is a
 * whole type, are only C if the second is the name, and then no name and no star follows.
 */
function looksLikeAnnotation({ tokens }: DialectContext, at: number): boolean {
  if (!/^_{2,}[a-z]/.test(tokens.text(at))) return false;
  const before = tokens.previous(at);
  const behind = tokens.next(at + 1);
  if (before < 0 || !(tokens.isWord(behind) || tokens.is(behind, '*'))) return false;
  if (tokens.is(before, '*')) return tokens.isWord(behind) && tokens.isWord(tokens.previous(before));
  return tokens.isWord(before) && !isDeclarationWord(tokens.text(before));
}
