/** A path through the state graph, replayed with names, notes and snapshots. */
import type { Scenario } from '../protocol/scenario.ts';
import type { Counterexample, TraceStep } from '../protocol/trace.ts';
import { Program } from './program.ts';
import type { Property } from './properties/index.ts';
import { run, threadOf } from './transitions.ts';
import { FolioNames, snapshot } from './view.ts';
import { actorCall, actorNote, deviceCall, deviceNote, driverCall, driverNote } from './words.ts';

/** Replays `path` and describes each step; the violation is the first of `properties` that the last state breaks. */
export function trace(
  scenario: Scenario,
  path: readonly number[],
  properties: readonly Property[],
): Counterexample {
  const p = new Program(scenario);
  const m = p.machine;
  m.notes = [];
  const names = new FolioNames(p);
  const steps: TraceStep[] = [];
  let before = snapshot(p, names);
  for (const t of path) {
    m.notes.length = 0;
    m.warnings.length = 0;
    const thread = threadOf(p, t);
    const pc = thread >= 0 ? p.pcOf(thread) : 0;
    const actorStep = t > 0 && t <= p.actors.length ? p.actorStep(t - 1) : 0;
    run(p, t);
    const after = snapshot(p, names);
    const details = m.notes.map((note) => names.inText(note));
    steps.push({
      ...describe(p, t, pc, actorStep, names, details),
      warnings: [...m.warnings],
      before,
      after,
    });
    before = after;
  }
  const property = properties.find((candidate) => candidate.broken(p))!;
  const name = (frame: number) => names.of(frame);
  const about = property.about?.(p, name) ?? {};
  return {
    violation: { property: property.name, about, damage: property.damage(p, name) },
    trace: steps,
  };
}

type Described = Pick<TraceStep, 'actor' | 'call' | 'note'> & Partial<Pick<TraceStep, 'ret' | 'driverStep'>>;

function describe(
  p: Program,
  t: number,
  pc: number,
  actorStep: number,
  names: FolioNames,
  details: readonly string[],
): Described {
  const thread = threadOf(p, t);
  if (thread >= 0) {
    const step = p.steps[pc]!;
    return {
      actor: thread === 0 ? 'driver' : 'driver(B)',
      call: driverCall(step),
      ...(p.ret === undefined ? {} : { ret: p.ret }),
      ...(thread === 0 && pc < p.scenario.driver.length ? { driverStep: pc } : {}),
      note: sentence(names.inText(driverNote(p, step)), details),
    };
  }
  if (t <= p.actors.length) {
    const kind = p.actors[t - 1]!;
    return {
      actor: kind,
      call: actorCall(p, kind, actorStep),
      note: sentence(actorNote(kind, actorStep), details),
    };
  }
  const device = t - 1 - p.actors.length;
  const reads = (device & 1) === 1;
  return {
    actor: 'device',
    call: deviceCall(p, device >> 1, reads),
    note: sentence(names.inText(deviceNote(p, device >> 1, reads)), details),
  };
}

function sentence(first: string, details: readonly string[]): string {
  return [first, ...details].join('; ');
}
