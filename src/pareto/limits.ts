/** Bounds that numbers which train returns must keep: read from text, written as text, and held against metrics. */
import { faultInName, own, type Limit, type Metrics, type Objective } from '../../protocol/index.ts'

/**
 * How far metrics are beyond limits: the sum over the limits, each as a share of its bound; 0 where all are kept, Infinity where a number
 * is not finite. A number that was not reported breaks nothing: of a result all are there.
 */
export function violationOf(metrics: Metrics, limits: readonly Limit[]): number {
  let sum = 0
  for (const { metric, atLeast, atMost } of limits) {
    const value = own(metrics, metric)
    if (value === undefined) continue
    if (value === null || !Number.isFinite(value)) return Infinity
    for (const [bound, beyond] of [
      [atMost, value - (atMost ?? Infinity)],
      [atLeast, (atLeast ?? -Infinity) - value],
    ] as const) {
      if (bound !== undefined && beyond > 0) sum += beyond / (Math.abs(bound) || 1)
    }
  }
  return sum
}

const most = 64
const shape = "'memory <= 2e9', 'recall >= 0.9'"
const comparison = /^(.+?)\s*([<>=!]=?=?)\s*(\S+)$/
/** The signs of comparisons; a name may have an arrow in it. */
const signs = /(?<![-=<>])[<>]=?/g

/** Reads `['memory <= 2e9']`. Throws the caller's error, with the path of the text that is no limit. */
export function limitsFrom(value: unknown, invalid: (path: string, reason: string) => Error): readonly Limit[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw invalid('constraints', `is ${show(value)}, not a list of comparisons: [${shape}]`)
  if (value.length > most) throw invalid('constraints', `are ${value.length}; ${most} are the most`)
  const limits: Limit[] = []
  for (const [index, item] of value.entries()) {
    const limit = limitIn(item)
    const path = `constraints[${index}]`
    if (typeof limit === 'string') throw invalid(path, `is ${show(item)}, ${limit}`)
    const [low, high] = boundsOf([...limits, limit].filter(({ metric }) => metric === limit.metric))
    if (low > high) throw invalid(path, `is ${show(item)}, which no number can keep beside the others`)
    limits.push(limit)
  }
  return limits
}

/** A limit, or what is wrong with it. */
function limitIn(item: unknown): Limit | string {
  if (typeof item !== 'string') return `not a comparison of a returned number: ${shape}`
  const text = item.trim()
  const [first, second] = text.matchAll(signs)
  if (second !== undefined) return `which is two comparisons: write two, each of a name, a sign and a number: ${shape}`
  if (first !== undefined && text.endsWith(first[0])) return `which lacks a number after ${first[0]}: ${shape}`
  if (first?.index === 0) return `which lacks the name of a number before ${first[0]}: ${shape}`
  const [, metric, sign, bound] = comparison.exec(text) ?? []
  if (metric === undefined || bound === undefined) return `not a comparison of a returned number: ${shape}`
  if (sign !== '<=' && sign !== '>=')
    return `and ${sign} is none of the two comparisons that there are, <= and >=: ${shape}`
  const number = Number(bound)
  if (!Number.isFinite(number)) return `not a comparison with a number, for ${show(bound)} is none: ${shape}`
  if (faultInName(metric) !== undefined) return `and ${show(metric)} is not the name of a number that train returns`
  return sign === '<=' ? { metric, atMost: number } : { metric, atLeast: number }
}

const boundsOf = (limits: readonly Limit[]): [low: number, high: number] => [
  Math.max(...limits.map(({ atLeast = -Infinity }) => atLeast)),
  Math.min(...limits.map(({ atMost = Infinity }) => atMost)),
]

const show = (value: unknown): string =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))

/** The limits of all objectives. */
export const limitsOf = (objectives: readonly Objective[]): Limit[] => objectives.flatMap(({ limits = [] }) => limits)

/** The limits stand with the first objective. */
export const withLimits = ([first, ...others]: readonly Objective[], limits: readonly Limit[]): Objective[] =>
  first === undefined ? [] : [limits.length === 0 ? first : { ...first, limits: [...limits] }, ...others]

/** `memory <= 2000` */
export const limitText = ({ metric, atLeast, atMost }: Limit): string =>
  [
    ...(atLeast === undefined ? [] : [`${metric} >= ${atLeast}`]),
    ...(atMost === undefined ? [] : [`${metric} <= ${atMost}`]),
  ].join(', ')

/** The limits that metrics break, as texts. */
export const brokenBy = (metrics: Metrics, limits: readonly Limit[]): string[] =>
  limits.filter((limit) => violationOf(metrics, [limit]) > 0).map(limitText)
