/** The model of an ablation: its layers, each with the change that came of leaving it out; one removal is marked. Pure. */
import type { Component, LayersGraph } from '../../../protocol/index.ts'
import type { AblationResult } from '../../ablation/index.ts'
import type { Chart } from '../drawing/chart.ts'
import type { Ink, Pen, Size } from '../drawing/pen.ts'
import { layerSize, layoutOf, placesOf, type DrawnLayer, type Layout } from '../model/layers.ts'
import { duration, plural } from '../words.ts'
import { deltaText } from './ablation.ts'

type Comparison = AblationResult['components'][number]

export interface LayersOptions {
  readonly graph: LayersGraph
  readonly components: readonly Component[]
  readonly result: AblationResult | undefined
  /** The components that are marked as left out together, by name; empty: none is. */
  readonly without: readonly string[]
}

/** A canvas of a browser is not higher than this. */
const mostHeight = 6_000

export class LayersChart implements Chart {
  readonly #options: LayersOptions
  readonly #layout: Layout
  readonly #gone: ReadonlySet<number>
  /** By place: what came of leaving out the smallest component that this layer is in. */
  readonly #changes: readonly (Comparison | undefined)[]

  constructor(options: LayersOptions, layout = layoutOf(options.graph)) {
    const { graph, components, result, without } = options
    this.#options = options
    this.#layout = layout
    const marked = components.filter(({ name }) => without.includes(name))
    this.#gone = new Set(marked.flatMap((component) => placesOf(graph, component)))
    const changes: (Comparison | undefined)[] = graph.map(() => undefined)
    const bySize = components
      .map((component) => ({ name: component.name, places: placesOf(graph, component) }))
      .toSorted((a, b) => b.places.length - a.places.length)
    for (const { name, places } of bySize) for (const at of places) changes[at] = comparisonOf(result, [name])
    this.#changes = changes
  }

  /** How high it wants to be in a place of this width. */
  height(width: number): number {
    return Math.min(mostHeight, Math.max(80, Math.ceil(this.#layout.height * this.#scale(width))))
  }

  get summary(): string {
    const { graph, result, without } = this.#options
    const parameters = graph.reduce((sum, layer) => sum + layer.parameters, 0)
    const model = `${plural(graph.length, 'layer')}, ${plural(parameters, 'parameter')}`
    if (this.#gone.size === 0) return model
    const gone = [...this.#gone].map((at) => graph[at]?.name).join(', ')
    return `${model}; left out: ${gone}; ${removalText(comparisonOf(result, without))}`
  }

  draw(pen: Pen, size: Size): void {
    const { edges, layers } = this.#layout
    const scale = this.#scaleIn(size)
    const x = this.#offset(size)
    for (const { from, to, points } of edges) {
      const isGone = this.#gone.has(from) || this.#gone.has(to)
      const line = points.map((at, index) => at * scale + (index % 2 === 0 ? x : 0))
      const ink: Ink = isGone ? 'bad' : 'quiet'
      pen.line(line, { ink, width: 1.4, ...(isGone ? { dash: [4, 3] } : {}) })
      drawHead(pen, line, ink, scale)
    }
    for (const [at, layer] of layers.entries()) this.#drawLayer(pen, layer, at, scale, x)
  }

  hit(x: number, y: number, size: Size) {
    const scale = this.#scaleIn(size)
    const [left, top] = [(x - this.#offset(size)) / scale, y / scale]
    const at = this.#layout.layers.findIndex(
      (layer) => Math.abs(layer.x - left) <= layerSize.width / 2 && Math.abs(layer.y - top) <= layerSize.height / 2,
    )
    const layer = this.#layout.layers[at]
    if (layer === undefined) return null
    const change = this.#changes[at]
    const lines = [
      layer.type,
      plural(layer.parameters, 'parameter'),
      ...(change === undefined
        ? []
        : [`without ${change.without.join(' + ')}: ${deltaText(change)}, ${change.verdict}`]),
    ]
    return { x, y, title: layer.name, lines }
  }

  numbers() {
    const { graph } = this.#options
    return {
      columns: ['place', 'layer', 'class', 'parameters', 'fed by', 'left out', 'change without it'],
      rows: graph.map(({ name, type, parameters, fedBy }, at) => [
        at,
        name,
        type,
        parameters,
        fedBy.join(' '),
        this.#gone.has(at) ? 'yes' : 'no',
        this.#changes[at]?.delta ?? null,
      ]),
    }
  }

  #drawLayer(pen: Pen, { name, type, parameters, x, y }: DrawnLayer, at: number, scale: number, offset: number): void {
    const [width, height] = [layerSize.width * scale, layerSize.height * scale]
    const [left, top] = [x * scale + offset - width / 2, y * scale - height / 2]
    const isGone = this.#gone.has(at)
    const edge = isGone ? 'bad' : inkOf(this.#changes[at])
    pen.rect(left, top, width, height, { ink: 'surface' })
    pen.rect(left, top, width, height, { ink: isGone ? 'bad' : 'accent', opacity: isGone ? 0.12 : 0.07 })
    const frame = [left, top, left + width, top, left + width, top + height, left, top + height, left, top]
    pen.line(frame, { ink: edge, width: isGone ? 2 : 1.2, ...(isGone ? { dash: [5, 3] } : {}) })
    pen.rect(left, top, 4 * scale, height, { ink: edge })
    if (scale < 0.5) return
    const [middle, most] = [left + 12 * scale, width - 20 * scale]
    pen.text(middle, top + height * 0.33, name, { size: 11.5 * scale, bold: true, most, ink: isGone ? 'bad' : 'text' })
    const what = parameters === 0 ? type : `${type}, ${parameters.toLocaleString('en')}`
    pen.text(middle, top + height * 0.7, isGone ? `left out: ${what}` : what, { size: 10 * scale, most, ink: 'faint' })
  }

  /** Nothing is made larger than it is; what is too wide or too high is made smaller. */
  #scale(width: number): number {
    const layout = this.#layout
    return Math.min(1, width / Math.max(1, layout.width), mostHeight / Math.max(1, layout.height))
  }

  #scaleIn({ width, height }: Size): number {
    return Math.min(this.#scale(width), height / Math.max(1, this.#layout.height))
  }

  #offset(size: Size): number {
    return Math.max(0, (size.width - this.#layout.width * this.#scaleIn(size)) / 2)
  }
}

/** The result of leaving out exactly these; undefined: no trial did. */
export const comparisonOf = (result: AblationResult | undefined, names: readonly string[]): Comparison | undefined =>
  result?.components.find(
    ({ without }) => without.length === names.length && without.every((one) => names.includes(one)),
  )

/** Of one removal: the change of the metric, parameters and time saved. */
export function removalText(one: Comparison | undefined): string {
  if (one === undefined || one.verdict === 'pending') return 'its trials have yet to end'
  if (one.delta === null) return one.problem === null ? one.verdict : `${one.verdict}: ${one.problem.message}`
  const { parametersSaved, timeSavedMs } = one
  const saved = [
    ...(parametersSaved === null ? [] : [`${plural(parametersSaved, 'parameter')} saved`]),
    ...(timeSavedMs === null
      ? []
      : [timeSavedMs < 0 ? `${duration(-timeSavedMs)} longer` : `${duration(timeSavedMs)} saved`]),
  ]
  return [`${deltaText(one)} (${one.verdict})`, ...saved].join(', ')
}

const inkOf = (one: Comparison | undefined): Ink =>
  one === undefined ? 'quiet' : one.verdict === 'worse' ? 'bad' : one.verdict === 'better' ? 'good' : 'accent'

/** An arrow's head at the end of a line. */
function drawHead(pen: Pen, line: readonly number[], ink: Ink, scale: number): void {
  const [fromX = 0, fromY = 0, toX = 0, toY = 0] = line.slice(-4)
  const length = Math.hypot(toX - fromX, toY - fromY) || 1
  const [alongX, alongY] = [((toX - fromX) / length) * 6 * scale, ((toY - fromY) / length) * 6 * scale]
  const [backX, backY] = [toX - alongX, toY - alongY]
  pen.area([toX, toY, backX - alongY / 2, backY + alongX / 2, backX + alongY / 2, backY - alongX / 2], { ink })
}
