/**
 * A space for the next search: where the best trials of this one were, and beyond its edges where they lay at them.
 * I1 The space is valid, and each of the best trials is a point of it.
 * I2 A parameter keeps its steps: the values that were searched are values of the next range, as far as it goes.
 */
import {
  isProblem,
  own,
  type Constraint,
  type Hparams,
  type HparamValue,
  type Parameter,
  type SearchSpace,
} from '../../protocol/index.ts'
import { bestFirst } from '../pareto/index.ts'
import { contains, countOf, indexOf, relationsOf, toUnit, validateSpace } from '../space/index.ts'
import { comparable, type Searched } from './comparable.ts'
import { widened } from './widened.ts'

/** The best part of the trials, and the fewest of them. */
const part = 0.15
const fewest = 8
/** With fewer trials that have a value, nothing is suggested. */
export const fewestForNextSpace = 2 * fewest

/** The hparams of what can be compared and has a value, the best first. */
export const rankedHparams = (searched: Searched): readonly Hparams[] =>
  bestFirst(
    comparable(searched, fewestForNextSpace).tried.filter(({ state }) => state === 'done'),
    searched.objectives,
  ).map(({ hparams }) => hparams)

/** `ranked`: hparams of the trials with a value, the best first. undefined: too few to say. */
export function nextSpace(space: SearchSpace, ranked: readonly Hparams[]): SearchSpace | undefined {
  if (ranked.length < fewestForNextSpace) return undefined
  const searched = ranked.map((hparams) => pointOf(space, hparams))
  const best = searched.slice(0, Math.max(fewest, Math.ceil(part * searched.length)))
  const next = new Map<string, Parameter>()
  for (const { name, parameter } of relationsOf(space).order) {
    const related = withParent(parameter, next)
    if (related !== undefined) next.set(name, narrowed(related, name, best, searched))
  }
  const valid = validated(assembled(space, next))
  // I1: constraints may leave so little of a narrow space that none of it is found.
  return valid !== undefined && best.every((hparams) => contains(valid, hparams)) ? valid : space
}

/** The searched hparams of a trial alone. */
const pointOf = (space: SearchSpace, hparams: Hparams): Hparams =>
  Object.fromEntries(
    Object.keys(space).flatMap((name) => {
      const value = own(hparams, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )

/** Its condition without the values that its parent has no more; undefined: it is never active. */
function withParent(parameter: Parameter, next: ReadonlyMap<string, Parameter>): Parameter | undefined {
  const { when } = parameter
  if (when === undefined) return parameter
  const parent = next.get(when.parameter)
  if (parent === undefined) return undefined
  const left = when.in.filter((value) => indexOf(parent, value) !== undefined)
  return left.length === 0 ? undefined : { ...parameter, when: { ...when, in: left } }
}

/** In the order of the space. Constraints that name a parameter which is gone hold by themselves; the others stay, wherever they stood. */
function assembled(space: SearchSpace, next: ReadonlyMap<string, Parameter>): SearchSpace {
  const isLeft = (each: Constraint) => namedBy(each).every((name) => next.has(name))
  const homeless = Object.entries(space).flatMap(([name, { where = [] }]) =>
    next.has(name) ? [] : where.filter(isLeft),
  )
  const made: SearchSpace = {}
  for (const name of Object.keys(space)) {
    const given = next.get(name)
    if (given === undefined) continue
    const { where = [], ...parameter } = given
    const left = [...where.filter(isLeft), ...homeless.filter((each) => namedBy(each)[0] === name)]
    made[name] = left.length === 0 ? parameter : { ...parameter, where: left }
  }
  return made
}

const namedBy = (constraint: Constraint): string[] =>
  Object.keys('sum' in constraint ? constraint.sum : constraint.product)

function narrowed(
  parameter: Parameter,
  name: string,
  best: readonly Hparams[],
  searched: readonly Hparams[],
): Parameter {
  const values = valuesOf(best, name)
  if (values.length < fewest / 2 || countOf(parameter) === 1) return parameter
  const { when, where, ...alone } = parameter
  const suggested = alternative(alone, values, () => valuesOf(searched, name))
  // I1
  const valid = validated({ [name]: suggested })
  if (valid === undefined || !values.every((value) => contains(valid, { [name]: value }))) return parameter
  return { ...suggested, ...(when === undefined ? {} : { when }), ...(where === undefined ? {} : { where }) }
}

const valuesOf = (trials: readonly Hparams[], name: string): readonly HparamValue[] =>
  trials.map((hparams) => own(hparams, name)).filter((value) => value !== undefined)

function alternative(parameter: Parameter, best: readonly HparamValue[], all: () => readonly HparamValue[]): Parameter {
  switch (parameter.type) {
    case 'constant':
      return parameter
    case 'categorical': {
      const searched = all()
      const seldom = (choice: HparamValue) => searched.filter((value) => value === choice).length < 3
      return { ...parameter, choices: parameter.choices.filter((choice) => best.includes(choice) || seldom(choice)) }
    }
    case 'discrete': {
      const units = best.map((value) => toUnit(parameter, value))
      const count = parameter.values.length
      const [least, most] = [Math.min(...units), Math.max(...units)]
      const inside = (_: number, index: number) => {
        const unit = (index + 0.5) / count
        return unit >= least - 1 / count - 1e-9 && unit <= most + 1 / count + 1e-9
      }
      return { ...parameter, values: parameter.values.filter(inside) }
    }
    default:
      return widened(parameter, best.map(Number))
  }
}

function validated(space: SearchSpace): SearchSpace | undefined {
  try {
    return validateSpace(space)
  } catch (error) {
    if (isProblem(error, 'SPACE_INVALID')) return undefined
    throw error
  }
}
