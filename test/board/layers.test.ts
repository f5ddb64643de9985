import { describe, expect, it } from 'vitest'
import type { Component, LayersGraph } from '../../protocol/index.ts'
import type { AblationResult } from '../../src/ablation/index.ts'
import { LayersChart, removalText } from '../../src/board/charts/layers.ts'
import { svgOf } from '../../src/board/drawing/svg-pen.ts'
import { layerSize, layoutOf, placesOf } from '../../src/board/model/layers.ts'

const evil = '</text><script>alert(1)</script>'
const layer = (name: string, type: string, parameters: number, ...fedBy: number[]) => ({
  name,
  type,
  parameters,
  fedBy,
})
/** Two ways from the input to a sum, and a layer that the program gave no name. */
const graph: LayersGraph = [
  layer('x', 'InputLayer', 0),
  layer('stem', 'Dense', 80, 0),
  layer(evil, 'Dense', 272, 1),
  layer('sum', 'Add', 0, 1, 2),
  layer('dense_Dense7', 'Dense', 17, 3),
]
const components: Component[] = [
  { kind: 'layers', name: 'layer:way', layers: [evil] },
  { kind: 'layers', name: 'group', layers: [evil, { at: 3, type: 'Dense' }] },
  { kind: 'features', name: 'feature:a', features: ['a'] },
]
type Comparison = AblationResult['components'][number]
const comparison = (without: string[], given: Partial<Comparison>) =>
  ({
    without,
    delta: null,
    error: null,
    verdict: 'pending',
    problem: null,
    parametersSaved: null,
    timeSavedMs: null,
    ...given,
  }) as Comparison
const result = {
  components: [
    comparison(['layer:way'], { delta: -0.25, verdict: 'worse', parametersSaved: 272, timeSavedMs: 1500 }),
    comparison(['group'], { delta: 0.5, verdict: 'better', parametersSaved: 289, timeSavedMs: -2000 }),
  ],
} as unknown as AblationResult

describe('the layout of a model', () => {
  const { layers, edges, width, height } = layoutOf(graph)

  it('has each layer below those that feed it, none upon another, all within its size', () => {
    for (const { from, to } of edges) expect(layers[from]?.y).toBeLessThan(layers[to]?.y ?? NaN)
    expect(new Set(edges.map(({ from, to }) => `${from}>${to}`))).toEqual(new Set(['0>1', '1>2', '1>3', '2>3', '3>4']))
    for (const [at, one] of layers.entries()) {
      expect(one.x).toBeGreaterThanOrEqual(layerSize.width / 2)
      expect(one.x).toBeLessThanOrEqual(width - layerSize.width / 2)
      expect(one.y).toBeLessThanOrEqual(height - layerSize.height / 2)
      for (const other of layers.slice(at + 1)) {
        const apart = Math.abs(one.x - other.x) >= layerSize.width || Math.abs(one.y - other.y) >= layerSize.height
        expect(apart).toBe(true)
      }
    }
  })

  it('takes circles, layers that feed themselves and places that are none', () => {
    const odd = [layer('a', 'Dense', 1, 1, 0), layer('b', 'Dense', 1, 0, 99)]
    expect(layoutOf(odd).layers).toHaveLength(2)
    expect(layoutOf([]).layers).toEqual([])
  })

  it('means layers by name, or by their place among those that are no inputs', () => {
    expect(components.map((component) => placesOf(graph, component))).toEqual([[2], [2, 4], []])
    expect(placesOf(graph, { kind: 'layers', name: 'n', layers: ['gone', { at: 9 }] })).toEqual([])
  })
})

describe('the drawing of a model', () => {
  const size = { width: 420, height: 400 }
  const chartOf = (without: string[]) => new LayersChart({ graph, components, result, without })

  it('marks what is left out, and says what that came to, in parameters and in time', () => {
    expect(chartOf([]).summary).toBe('5 layers, 369 parameters')
    expect(chartOf(['group']).summary).toBe(
      `5 layers, 369 parameters; left out: ${evil}, dense_Dense7; +0.5 (better), 289 parameters saved, 2.0 s longer`,
    )
    expect(
      chartOf(['group'])
        .numbers()
        .rows.map((row) => [row[0], row[5], row[6]]),
    ).toEqual([
      [0, 'no', null],
      [1, 'no', null],
      [2, 'yes', -0.25],
      [3, 'no', null],
      [4, 'yes', 0.5],
    ])
    expect(chartOf(['no such']).summary).toBe('5 layers, 369 parameters')
    expect(removalText(undefined)).toBe('its trials have yet to end')
  })

  it('takes a name for text, finds the layer under the pointer, and shrinks what is too wide', () => {
    const chart = chartOf(['layer:way'])
    const svg = svgOf(size, 'light', 'the model', (pen) => chart.draw(pen, size))
    expect(svg).not.toContain('<script')
    expect(svg).toContain('left out: Dense, 272')
    const found = Array.from({ length: 100 }, (_, at) => chart.hit(size.width / 2, at * 4, size)?.title)
    expect(found).toContain('stem')
    expect(chart.hit(1, 1, size)).toBeNull()
    expect(chart.height(100)).toBeLessThan(chart.height(420))
  })
})
