/** The parts that the study names, each with what became of it when it was left out. */
import type { Standing } from '../wire.ts'
import { deltaText } from '../charts/ablation.ts'

export function ModelPanel({ standing }: { readonly standing: Standing }) {
  const { components = [], ablation } = standing
  if (components.length === 0) return null
  const found = new Map(
    ablation?.components.filter(({ without }) => without.length === 1).map((one) => [one.without[0], one]),
  )
  return (
    <section class="panel" aria-label="The study">
      <header class="panel-head">
        <h2>The study</h2>
      </header>
      <ol class="parts">
        {components.map((component) => {
          const one = found.get(component.name)
          const verdict = one?.verdict ?? 'pending'
          return (
            <li key={component.name} class={`part ${verdict.replaceAll(' ', '-')}`}>
              <span class="part-kind">{component.kind}</span>
              <span class="part-name">{component.name}</span>
              <span class="part-delta">
                {one === undefined ? 'to come' : one.delta === null ? verdict : deltaText(one)}
              </span>
            </li>
          )
        })}
      </ol>
    </section>
  )
}
