import { describe, it } from 'node:test';

/** Why a driver cannot show an ability, by the ability's name; each becomes a skip that says so. */
export type Lacks<Ability extends string> = Readonly<Partial<Record<Ability, string>>>;

/** One test of a suite: what it does with a bench, and which abilities of the driver it cannot do without. */
export interface Case<Bench, Ability extends string> {
  readonly needs: readonly Ability[];
  readonly run: (bench: Bench) => Promise<void>;
}

/** The tests of one concern, by their names. */
export interface Concern<Bench, Ability extends string> {
  readonly concern: string;
  readonly cases: Readonly<Record<string, ((bench: Bench) => Promise<void>) | Case<Bench, Ability>>>;
}

/** Makes a bench for each test, hands it over and takes it down again, whatever becomes of the test. */
export type WithBench<Bench> = (run: (bench: Bench) => Promise<void>) => Promise<void>;

/** Registers the concerns with node:test; a case whose ability the driver lacks is skipped aloud, by name and reason. */
export function registerConcerns<Bench, Ability extends string>(
  concerns: readonly Concern<Bench, Ability>[],
  lacks: Lacks<Ability>,
  withBench: WithBench<Bench>,
): void {
  for (const { concern, cases } of concerns) {
    describe(concern, () => {
      for (const [name, one] of Object.entries(cases)) {
        const { needs, run } = typeof one === 'function' ? { needs: [] as Ability[], run: one } : one;
        it(name, { skip: reasonToSkip(needs, lacks) }, () => withBench(run));
      }
    });
  }
}

/** `false` where nothing is lacking, as node:test wants it. */
export function reasonToSkip<Ability extends string>(needs: readonly Ability[], lacks: Lacks<Ability>): string | false {
  const reasons = needs.flatMap((need) => (lacks[need] === undefined ? [] : [`lacks ${need}: ${lacks[need]}`]));
  return reasons.length === 0 ? false : reasons.join('; ');
}

/** Refuses a driver that neither has an ability nor says why: a silent gap would read as a pass. */
export function demandAbilities(name: string, has: Readonly<Record<string, boolean>>, lacks: Lacks<string>): void {
  for (const [ability, present] of Object.entries(has)) {
    if (present === (lacks[ability] === undefined)) continue;
    throw new TypeError(
      present
        ? `${name} has the ability '${ability}' and says that it lacks it`
        : `${name} has not the ability '${ability}'; say why in lacks.${ability}`,
    );
  }
}
