/** A space for the next search: where the best trials of this one were, and beyond its edges where they lay at them. */
import { own, type Hparams, type Parameter, type SearchSpace } from '../../protocol/index.ts'
import { countOf, toUnit } from '../space/index.ts'

/** The best part of the trials, and the fewest of them. */
const part = 0.15
const fewest = 8
/** How much wider than the best trials a range stays, on each side, as a part of the range that was searched. */
const margin = 0.1
/** A best trial this near to an edge asks for what lies beyond it. */
const edge = 0.05

/** `ranked`: hparams of the trials with a value, the best first. undefined: too few to say. */
export function nextSpace(space: SearchSpace, ranked: readonly Hparams[]): SearchSpace | undefined {
  if (ranked.length < 2 * fewest) return undefined
  const best = ranked.slice(0, Math.max(fewest, Math.ceil(part * ranked.length)))
  return Object.fromEntries(
    Object.entries(space).map(([name, parameter]) => {
      const valuesOf = (list: readonly Hparams[]) =>
        list.map((hparams) => own(hparams, name)).filter((value) => value !== undefined)
      const values = valuesOf(best)
      if (values.length < fewest / 2 || countOf(parameter) === 1) return [name, parameter]
      if (parameter.type === 'categorical') {
        const all = valuesOf(ranked)
        const seldom = (choice: unknown) => all.filter((value) => value === choice).length < 3
        const choices = parameter.choices.filter((choice) => values.includes(choice) || seldom(choice))
        return [name, { ...parameter, choices }]
      }
      const units = values.map((value) => toUnit(parameter, value))
      return [name, narrowed(parameter, Math.min(...units), Math.max(...units))]
    }),
  )
}

function narrowed(parameter: Parameter, least: number, most: number): Parameter {
  if (parameter.type === 'discrete') {
    const count = parameter.values.length
    const inside = (_: number, index: number) => {
      const unit = (index + 0.5) / count
      return unit >= least - 1 / count - 1e-9 && unit <= most + 1 / count + 1e-9
    }
    return { ...parameter, values: parameter.values.filter(inside) }
  }
  if (parameter.type !== 'double' && parameter.type !== 'integer') return parameter
  const { low, high, log = false, step } = parameter
  const at = (unit: number) => (log ? low * (high / low) ** unit : low + unit * (high - low))
  const below = least < edge ? -0.25 : Math.max(0, least - margin)
  const above = most > 1 - edge ? 1.25 : Math.min(1, most + margin)
  const whole = parameter.type === 'integer' || step !== undefined
  // Not below 0 where it began at 0 or above, and not above 1 where it was a share: most such numbers make no sense there.
  const floor = low >= 0 && !log ? 0 : -Infinity
  const top = low >= 0 && high <= 1 && !log ? 1 : Infinity
  if (!whole) {
    const from = Math.max(floor, short(at(below), Math.floor))
    return { ...parameter, low: from, high: Math.min(top, short(at(above), Math.ceil)) }
  }
  const size = step ?? 1
  const steps = (unit: number, round: (value: number) => number) => low + size * round((at(unit) - low) / size)
  const from = Math.max(log ? Math.min(low, 1) : floor, steps(below, Math.floor))
  const to = Math.max(from + size, Math.min(top, steps(above, Math.ceil)))
  return { ...parameter, low: Number(from.toPrecision(12)), high: Number(to.toPrecision(12)) }
}

/** Three digits, rounded outwards. */
function short(value: number, round: (value: number) => number): number {
  if (value === 0) return 0
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2)
  return Number((round(value / unit) * unit).toPrecision(6))
}
