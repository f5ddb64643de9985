/** A model as a drawing: where each layer stands, and which of them a component of the study leaves out. Pure. */
import { Graph, layout } from '@dagrejs/dagre'
import type { Component, LayersGraph } from '../../../protocol/index.ts'

export const layerSize = { width: 168, height: 38 }

export interface DrawnLayer {
  readonly name: string
  readonly type: string
  readonly parameters: number
  /** Of its middle. */
  readonly x: number
  readonly y: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** In the order of the graph. */
  readonly layers: readonly DrawnLayer[]
  /** x and y by turns, from the layer that feeds to the one that is fed. */
  readonly edges: readonly { readonly from: number; readonly to: number; readonly points: readonly number[] }[]
}

/** The part of dagre's graph that is used here: its own types name files without endings, which Node's rules do not find. */
interface Drawing {
  setGraph(settings: object): void
  graph(): { readonly width?: number; readonly height?: number }
  setDefaultEdgeLabel(label: () => object): void
  setNode(name: string, size: { readonly width: number; readonly height: number }): void
  node(name: string): { readonly x: number; readonly y: number }
  setEdge(from: string, to: string): void
  edges(): { readonly v: string; readonly w: string }[]
  edge(edge: object): { readonly points: readonly { readonly x: number; readonly y: number }[] }
}

/** In layers from the inputs down to the outputs, with few crossings (Gansner et al. 1993, by dagre). */
export function layoutOf(graph: LayersGraph): Layout {
  const made = new Graph()
  const drawing = made as Drawing
  drawing.setGraph({ rankdir: 'TB', nodesep: 22, ranksep: 24, marginx: 6, marginy: 6 })
  drawing.setDefaultEdgeLabel(() => ({}))
  for (const at of graph.keys()) drawing.setNode(String(at), { ...layerSize })
  for (const [at, { fedBy }] of graph.entries()) {
    // A layer that is called on its own output feeds itself, which nobody has to see.
    for (const feeder of fedBy) if (feeder !== at && feeder < graph.length) drawing.setEdge(String(feeder), String(at))
  }
  layout(made)
  const { width = 0, height = 0 } = drawing.graph()
  return {
    width,
    height,
    layers: graph.map(({ name, type, parameters }, at) => {
      const { x, y } = drawing.node(String(at))
      return { name, type, parameters, x, y }
    }),
    edges: drawing.edges().map((edge) => ({
      from: Number(edge.v),
      to: Number(edge.w),
      points: drawing.edge(edge).points.flatMap(({ x, y }) => [x, y]),
    })),
  }
}

/** The places in the graph of the layers that a component leaves out; none of what is no layers. */
export function placesOf(graph: LayersGraph, component: Component): number[] {
  if (component.kind !== 'layers') return []
  const layers = [...graph.keys()].filter((place) => graph[place]?.type !== 'InputLayer')
  return component.layers.flatMap((ref) => {
    const place = typeof ref === 'string' ? layers.find((at) => graph[at]?.name === ref) : layers[ref.at]
    return place === undefined ? [] : [place]
  })
}
