/** The model as a graph, and the parts that the study names: each with what became of it when it was left out. */
import { useMemo, useRef } from 'preact/hooks'
import type { Component, LayersGraph } from '../../../protocol/index.ts'
import { deltaText } from '../charts/ablation.ts'
import { comparisonOf, LayersChart, removalText } from '../charts/layers.ts'
import { layoutOf, placesOf } from '../model/layers.ts'
import type { Standing } from '../wire.ts'
import { ChartCanvas, SaveMenu, useSize } from './chart-box.tsx'
import type { ExperimentStore } from './experiment-store.ts'
import { Choose, Toggle } from './pieces.tsx'
import { change, seen } from './view-state.ts'

interface ModelProps {
  readonly store: ExperimentStore
  readonly standing: Standing
}

/** Where the model is drawn, a part that has layers in it is marked there by a click. */
export function StudyPanel({ store, standing }: ModelProps) {
  const { components = [], ablation } = standing
  const graph = store.graph.value
  const without = seen.without.value
  if (components.length === 0) return null
  const isDrawn = (component: Component) => graph !== null && placesOf(graph, component).length > 0
  return (
    <section class="panel" aria-label="The study">
      <header class="panel-head">
        <h2>The study</h2>
      </header>
      <ol class="parts">
        {components.map((component) => {
          const { name, kind } = component
          const one = comparisonOf(ablation, [name])
          const verdict = one?.verdict ?? 'pending'
          const isMarked = without.length === 1 && without[0] === name
          return (
            <li key={name} class={`part ${verdict.replaceAll(' ', '-')}`}>
              <span class="part-kind">{kind}</span>
              <span class="part-name">
                {isDrawn(component) ? (
                  <Toggle on={isMarked} onTurn={() => change({ without: isMarked ? [] : [name] })}>
                    {name}
                  </Toggle>
                ) : (
                  name
                )}
              </span>
              <span class="part-delta">
                {one === undefined ? 'to come' : one.delta === null ? verdict : deltaText(one)}
              </span>
            </li>
          )
        })}
      </ol>
      {graph === null && <p class="note">{whyNotDrawn(components)}</p>}
    </section>
  )
}

function whyNotDrawn(components: readonly Component[]): string {
  return components.some(({ kind }) => kind === 'layers')
    ? 'The model is not drawn, for the log does not say how its layers are joined: it has more than 1,024 of them, could not be built outside of train, or was submitted by an older maggy.'
    : 'The model is not drawn, for the study names no layer of it: nobody has looked at it.'
}

export function ModelPanel({ store, standing }: ModelProps) {
  const graph = store.graph.value
  return graph === null ? null : <Model graph={graph} standing={standing} />
}

function Model({ graph, standing }: { readonly graph: LayersGraph; readonly standing: Standing }) {
  const { components = [], ablation } = standing
  const without = seen.without.value
  const frame = useRef<HTMLDivElement>(null)
  const { width } = useSize(frame, 0)
  const layout = useMemo(() => layoutOf(graph), [graph])
  const chart = useMemo(
    () => new LayersChart({ graph, components, result: ablation, without }, layout),
    [layout, components, ablation, without],
  )
  const height = chart.height(width)
  const removals = removalsOf(graph, components, standing)
  const marked = JSON.stringify(without)
  return (
    <section class="panel tall" aria-label="The model">
      <header class="panel-head">
        <h2>The model</h2>
        <div class="tools">
          <Choose
            label="without"
            value={marked}
            options={[
              ['[]', 'nothing'] as const,
              ...removals.map((names) => [JSON.stringify(names), names.join(' + ')] as const),
            ]}
            onChange={(names) => change({ without: JSON.parse(names) as string[] })}
          />
          <SaveMenu title="The model" chart={chart} height={height} />
        </div>
      </header>
      <p class="note" aria-live="polite">
        {without.length === 0
          ? 'The edge of a layer tells what came of leaving it out: red, it is missed; green, it is better without; blue, no difference was shown.'
          : `Without ${without.join(' + ')}: ${removalText(comparisonOf(ablation, without))}.`}
      </p>
      <div class="model-frame" ref={frame} tabIndex={0} role="region" aria-label="The model, a drawing that scrolls">
        <ChartCanvas chart={chart} height={height} />
      </div>
    </section>
  )
}

/** The removals that contain layers, done or still to come: each component alone, then groups that are left out together. */
function removalsOf(
  graph: LayersGraph,
  components: readonly Component[],
  { ablation }: Standing,
): (readonly string[])[] {
  const layered = new Set(
    components.filter((component) => placesOf(graph, component).length > 0).map(({ name }) => name),
  )
  const together = (ablation?.components ?? []).map(({ without }) => without).filter(({ length }) => length > 1)
  return [...[...layered].map((name) => [name]), ...together.filter((names) => names.some((name) => layered.has(name)))]
}
