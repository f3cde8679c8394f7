/** Runs the flow analysis on a snippet and prints what it saw, one line each, so that a test is a table of texts. */
import { analyzeFlow, DEFAULT_FLOW, type FlowOptions, type FunctionFlow } from '#server/flow/file.ts';
import { isMeaningful } from '#server/flow/kernel/meaning.ts';
import type { FunctionIr } from '#server/flow/lower/ir.ts';
import { lowerFunction } from '#server/flow/lower/lower-function.ts';
import { createParser } from '#server/syntax/parser.ts';
import { openSource, type SourceFile } from '#server/syntax/source.ts';

const parser = await createParser();

function open(code: string): SourceFile {
  const kernelVersion = { major: 6, minor: 12, patch: 0 };
  return openSource('snippet.c', code, { kernelVersion, means: isMeaningful });
}

export function flowOf(code: string, options: FlowOptions = DEFAULT_FLOW): readonly FunctionFlow[] {
  return analyzeFlow(open(code), parser, options).functions;
}

/** Ends of the paths of the last function: `result/requested: state of each slot`, sorted, with what became of them. */
export function endsOf(code: string): string[] {
  const lines = flowOf(code)
    .filter((f) => f.pair === undefined)
    .at(-1)!
    .observations.flatMap((o) => {
      if (o.what !== 'exit') return [];
      const fate = o.owner === 'callee' ? `given to ${o.set.escaped}` : o.owner;
      return [`${o.set.result}/${o.set.nr} ${o.set.slots.join(' ')}: ${fate}`];
    });
  return [...new Set(lines)].sort();
}

/** Releases that were seen, as `call kind: slots before`. */
export function releasesOf(code: string): string[] {
  const lines = flowOf(code).flatMap((f) =>
    f.observations.flatMap((o) =>
      o.what === 'release' ? [`${o.call.fn} ${o.set.kind}: ${o.set.slots.join(' ')}`] : [],
    ),
  );
  return [...new Set(lines)].sort();
}

export function lower(code: string): FunctionIr {
  const source = open(code);
  const of = { text: source.text, ...source.parseExpanded(0, parser) };
  const ir = lowerFunction(of, source.functions[0]!.name, false);
  if (ir === undefined) throw new Error('no function in the snippet');
  return ir;
}

/** The graph with empty joins folded away: `text -> texts of the successors`, in the order of lowering. */
export function graphOf(code: string): string[] {
  const ir = lower(code);
  const name = (id: number): string => {
    let node = ir.nodes[id]!;
    for (let hops = 0; node.kind === 'join' && node.succ.length === 1 && hops < ir.nodes.length; hops++) {
      node = ir.nodes[node.succ[0]!]!;
    }
    if (node.kind === 'join') return 'end';
    if (node.kind === 'return' || node.kind === 'entry' || node.kind === 'stop') return node.kind;
    return code.slice(node.range.start, node.range.end).replace(/\s+/g, ' ').replace(/;$/, '');
  };
  return ir.nodes
    .filter((n) => n.kind === 'branch' || n.kind === 'switch' || n.kind === 'expr')
    .map((n) => `${name(n.id)} -> ${n.succ.map(name).join(' | ')}`);
}
