/** An ablation: what each component is worth, and what it costs. */
import { useMemo } from 'preact/hooks'
import { ablationChart, ablationHeight, deltaText } from '../charts/ablation.ts'
import type { Standing } from '../wire.ts'
import { duration, number } from '../words.ts'
import { ChartBox } from './chart-box.tsx'
import { CurvesPanel, GroupsPanel } from './curves-panel.tsx'
import { useDerived } from './derived.ts'
import type { ExperimentStore } from './experiment-store.ts'
import { Filters } from './filters.tsx'
import { ModelPanel, StudyPanel } from './model-panel.tsx'
import { TrialTable } from './table.tsx'
import { TimelinePanel } from './timeline.tsx'

export function AblationPage({ store, standing }: { readonly store: ExperimentStore; readonly standing: Standing }) {
  const derived = useDerived(store, standing)
  const { ablation } = standing
  const chart = useMemo(() => ablationChart(ablation, store.trials), [ablation, derived.version])
  const parts = { store, standing, derived }
  const words =
    ablation === undefined
      ? ''
      : `Bars: the mean over ${ablation.repeats} ${ablation.repeats === 1 ? 'repeat' : 'repeats'}${ablation.repeats > 1 ? `; lines: its 95 % interval; dots: each repeat. ${ablation.test}.` : '.'} Red: it is missed.`
  return (
    <>
      <div class="grid">
        <ChartBox
          title="What each component is worth"
          wide
          chart={chart}
          height={ablationHeight(ablation)}
          note={words}
        />
        <CostTable standing={standing} />
        <ModelPanel store={store} standing={standing} />
        <StudyPanel store={store} standing={standing} />
        <CurvesPanel {...parts} />
        <GroupsPanel {...parts} />
        <TimelinePanel {...parts} />
      </div>
      <Filters {...parts} />
      <TrialTable {...parts} />
    </>
  )
}

function CostTable({ standing }: { readonly standing: Standing }) {
  const { ablation } = standing
  if (ablation === undefined) return null
  return (
    <section class="panel wide" aria-label="Worth and cost">
      <header class="panel-head">
        <h2>Worth and cost</h2>
      </header>
      <div class="table-frame auto" tabIndex={0} role="region" aria-label="Worth and cost, a table that scrolls">
        <table>
          <thead>
            <tr>
              {[
                'without',
                ablation.metric,
                'change',
                'verdict',
                'p (Holm)',
                'parameters saved',
                'time saved',
                'notes',
              ].map((title, at) => (
                <th key={title} scope="col" class={at > 0 && at < 7 ? 'number' : ''}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr class="best">
              <th scope="row">nothing (base)</th>
              <td class="number">{number(ablation.base.mean)}</td>
              <td class="number">–</td>
              <td class="number">{ablation.base.done} done</td>
              <td class="number">–</td>
              <td class="number">
                {ablation.base.parameters === null ? '–' : `has ${ablation.base.parameters.toLocaleString('en')}`}
              </td>
              <td class="number">
                {ablation.base.durationMs === null ? '–' : `takes ${duration(ablation.base.durationMs)}`}
              </td>
              <td />
            </tr>
            {ablation.components.map((one) => (
              <tr key={one.without.join('+')}>
                <th scope="row">{one.without.join(' + ')}</th>
                <td class="number">{number(one.mean)}</td>
                <td class={`number ${one.verdict === 'worse' ? 'bad' : one.verdict === 'better' ? 'good' : ''}`}>
                  {deltaText(one)}
                </td>
                <td class="number">{one.verdict}</td>
                <td class="number">{number(one.pHolm)}</td>
                <td class="number">{one.parametersSaved === null ? '–' : one.parametersSaved.toLocaleString('en')}</td>
                <td class="number">{one.timeSavedMs === null ? '–' : signed(one.timeSavedMs)}</td>
                <td class="text">
                  {[...one.notes, ...(one.problem === null ? [] : [one.problem.message])].join('; ')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

const signed = (ms: number): string => (ms < 0 ? `−${duration(-ms)}` : duration(ms))
