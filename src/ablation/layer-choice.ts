/** Which layers a study means: by name, by place, by class, or by several of these at once. */
import { problem, type LayerChoice, type LayerRef } from '../../protocol/index.ts'

/** A layer as the model tells of it. */
export interface KnownLayer {
  /** Among all layers that are no inputs, from 0. */
  readonly at: number
  readonly name: string
  /** Its class, as `Conv2D`. */
  readonly type: string
  /** The program gave it its name; else tfjs counted one up, and it has another in the next trial. */
  readonly own: boolean
}

/** Where the model cannot be built without train: what the study says of its layers is taken at its word, as far as it can be. */
export interface UnknownLayers {
  readonly unknown: string
}

/** A layer, and what it is called. */
export interface ChosenLayer {
  readonly ref: LayerRef
  readonly text: string
}

/** How a layer is meant in every trial: by its name if it has one of its own. */
export function chosenLayer({ own, name, at, type }: KnownLayer): ChosenLayer {
  return own ? { ref: name, text: name } : { ref: { at, type }, text: `${type} at ${at}` }
}

/** The layers of a class that is written as in `tf.layers` (`conv2d`, `maxPool2d`) or as its own name (`Conv2D`). */
export function sameClass(one: string, other: string): boolean {
  return plainClass(one) === plainClass(other)
}

const shorter: readonly (readonly [RegExp, string])[] = [
  [/[^a-z0-9]/g, ''],
  [/avg/g, 'average'],
  [/maxpool(?!ing)/g, 'maxpooling'],
  [/averagepool(?!ing)/g, 'averagepooling'],
  [/^batchnorm$/, 'batchnormalization'],
  [/^layernorm$/, 'layernormalization'],
  [/^functional$/, 'model'],
]
const plainClass = (name: string) => shorter.reduce((text, [from, to]) => text.replace(from, to), name.toLowerCase())

/** The layers that a choice means. Throws STUDY_INVALID where there are none. */
export function chooseLayers(
  choice: LayerChoice,
  known: readonly KnownLayer[] | UnknownLayers | undefined,
  path: string,
): ChosenLayer[] {
  if (known === undefined) throw invalid(path, 'names a layer, and the definition has no model generator')
  if ('unknown' in known) return [atItsWord(choice, known, path)]
  return layersOf(choice, known, path).map(chosenLayer)
}

/** The one layer that a choice means. Throws STUDY_INVALID. */
export function chooseLayer(
  choice: LayerChoice,
  known: readonly KnownLayer[] | UnknownLayers | undefined,
  path: string,
): KnownLayer {
  if (known === undefined) throw invalid(path, 'names a layer, and the definition has no model generator')
  if ('unknown' in known) throw invalid(path, `is a block of layers, and ${known.unknown}`)
  const found = layersOf(choice, known, path)
  const [only, ...others] = found
  if (only === undefined || others.length > 0) {
    throw invalid(path, `begins or ends at ${choiceText(choice)}, which is ${found.length} layers`)
  }
  return only
}

function layersOf(choice: LayerChoice, known: readonly KnownLayer[], path: string): KnownLayer[] {
  const there = thereAre(known)
  const { name, prefix, pattern, type, nth } = choice
  const at = choice.at ?? choice.index
  if (name !== undefined && !known.some((one) => one.own && one.name === name))
    throw invalid(path, `names the layer ${name}, which does not exist; ${there}`)
  if (type !== undefined && !known.some((one) => sameClass(one.type, type)))
    throw invalid(path, `finds no layer of the class ${type}; ${there}`)
  const place = at === undefined ? undefined : at < 0 ? known.length + at : at
  if (place !== undefined && known[place] === undefined) throw invalid(path, `names the layer at ${at}, and ${there}`)
  const expression = pattern === undefined ? undefined : matcher(pattern, path)
  const fit = known.filter(
    (one) =>
      (name === undefined || (one.own && one.name === name)) &&
      (prefix === undefined || (one.own && one.name.startsWith(prefix))) &&
      (expression === undefined || (one.own && expression.test(one.name))) &&
      (type === undefined || sameClass(one.type, type)) &&
      (place === undefined || one.at === place),
  )
  // The so-and-so-many-th of those that all else finds.
  const found = nth === undefined ? fit : fit.slice(nth, nth === -1 ? undefined : nth + 1)
  if (found.length > 0) return found
  throw invalid(path, `finds no layer ${choiceText(choice)}; ${there}`)
}

function atItsWord(
  { name, at, index, type, ...rest }: LayerChoice,
  { unknown }: UnknownLayers,
  path: string,
): ChosenLayer {
  const place = at ?? index
  const more = Object.values(rest).some((value) => value !== undefined)
  if (name !== undefined && place === undefined && type === undefined && !more) return { ref: name, text: name }
  if (place !== undefined && place >= 0 && name === undefined && !more) {
    return {
      ref: { at: place, ...(type === undefined ? {} : { type }) },
      text: type === undefined ? `at ${place}` : `${type} at ${place}`,
    }
  }
  throw invalid(
    path,
    `looks for layers, and ${unknown}; without that, layers can be meant by their full names or places only`,
  )
}

function choiceText({ name, prefix, pattern, type, at, index, nth }: LayerChoice): string {
  const place = at ?? index
  const said = [
    name === undefined ? '' : `named ${name}`,
    prefix === undefined ? '' : `whose name begins with ${prefix}`,
    pattern === undefined ? '' : `whose name fits ${pattern}`,
    type === undefined ? '' : `of the class ${type}`,
    place === undefined ? '' : `at ${place}`,
    nth === undefined ? '' : `that is number ${nth} of them, from 0`,
  ]
  return said.filter((text) => text !== '').join(' and ')
}

const mostListed = 40

/** The layers that there are, for who meant another one. */
function thereAre(known: readonly KnownLayer[]): string {
  const own = known.filter((one) => one.own)
  const others = known.filter((one) => !one.own)
  const names = `there are ${listed(own.map(({ name }) => name)) || 'none'}`
  if (others.length === 0) return names
  const [first] = others
  const places = listed(others.map(({ type, at }) => `${type} at ${at}`))
  const how = `{ at: ${first?.at} } or { type: '${first?.type}' }`
  return `${names}, and ${others.length} without a name of their own: ${places} (mean them by ${how}, or give them a name: name: '…')`
}

function listed(texts: readonly string[]): string {
  const more = texts.length - mostListed
  return [...texts.slice(0, mostListed), ...(more > 0 ? [`${more} more`] : [])].join(', ')
}

function matcher(pattern: string, path: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw invalid(path, `has the pattern ${pattern}, which is no regular expression (${String(error)})`)
  }
}

const invalid = (path: string, reason: string) => problem('STUDY_INVALID', { path, reason })
