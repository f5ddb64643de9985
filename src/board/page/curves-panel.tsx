/** Learning curves, live. */
import { useEffect, useMemo } from 'preact/hooks'
import { curvesChart, type Curve } from '../charts/curves.ts'
import { pickCurves } from '../model/pick.ts'
import { value as valueText } from '../words.ts'
import { ChartBox } from './chart-box.tsx'
import { Choose, Toggle } from './pieces.tsx'
import type { PartProps } from './search.tsx'
import { change, choose, seen, turnLog } from './view-state.ts'

/** The metrics that were reported, the objective first. */
export function reportedMetrics(
  curves: ReadonlyMap<number, { readonly values: ReadonlyMap<string, unknown> }>,
  first: string | undefined,
): string[] {
  const names = new Set(first === undefined ? [] : [first])
  for (const { values } of curves.values()) for (const name of values.keys()) names.add(name)
  return [...names]
}

export function CurvesPanel({ store, standing, derived }: PartProps) {
  const { objective, ranked, calm, chosen, version } = derived
  const drawn = store.drawn.value
  const [wanted, across, log, group] = [seen.metric.value, seen.across.value, seen.log.value, seen.group.value]
  const picked = useMemo(() => pickCurves(store.trials, ranked, calm.shown, chosen), [version, ranked, calm, chosen])
  useEffect(() => store.want(picked), [picked])
  const names = useMemo(() => reportedMetrics(store.curves, objective?.metric), [drawn, objective?.metric])
  // Where the objective itself is never reported, the first metric that is.
  const reports = (name: string) => [...store.curves.values()].some(({ values }) => values.has(name))
  const metric = wanted ?? names.find(reports) ?? objective?.metric ?? names[0] ?? 'value'
  const isLog = log.includes(`curve.${metric}`)
  const chart = useMemo(() => {
    const curves = picked.flatMap((trial): Curve[] => {
      const series = store.curves.get(trial)
      const place = store.trials.place(trial)
      if (series === undefined || place === undefined) return []
      const why = store.trials.at('why', place)
      return [
        {
          series,
          state: store.trials.state(place),
          why: typeof why === 'string' ? why : null,
          chosen: chosen.has(trial),
          group: group === null ? null : `${group} ${valueText(store.trials.at(`hparams.${group}`, place))}`,
        },
      ]
    })
    return curvesChart(curves, { metric, across, log: isLog, best: standing.best })
  }, [picked, drawn, version, metric, across, isLog, standing.best, group, chosen])
  const groups = [['', 'each trial'] as const, ...[...store.trials.hparams.keys()].map((name) => [name, name] as const)]
  const tools = (
    <>
      <Choose
        label="of"
        value={metric}
        options={names.map((name) => [name, name] as const)}
        onChange={(name) => change({ metric: name })}
      />
      <Choose
        label="by"
        value={group ?? ''}
        options={groups}
        onChange={(name) => change({ group: name === '' ? null : name })}
      />
      <Toggle on={isLog} onTurn={() => turnLog(`curve.${metric}`)}>
        log
      </Toggle>
    </>
  )
  const hidden = store.trials.count - picked.length
  const note =
    group !== null
      ? 'Mean and 95 % interval of each group.'
      : hidden > 0
        ? `${picked.length} of ${store.trials.count} trials: those that run, the best, the latest, and those you choose.`
        : undefined
  return (
    <ChartBox
      title="Learning curves"
      chart={chart}
      height={300}
      tools={tools}
      onPick={choose}
      {...(note === undefined ? {} : { note })}
    />
  )
}
