/** Learning curves, live. */
import { groupsChart, groupsHeight } from '../charts/groups.ts'
import { useEffect, useMemo } from 'preact/hooks'
import { curvesChart, type Curve } from '../charts/curves.ts'
import { groupings, groupsOf, resultsOf } from '../model/groups.ts'
import { pickCurves, pickGrouped } from '../model/pick.ts'
import type { Trials } from '../model/trials.ts'
import { ChartBox } from './chart-box.tsx'
import { Choose, Toggle } from './pieces.tsx'
import type { Derived } from './derived.ts'
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
  const picked = useMemo(
    () =>
      group === null
        ? pickCurves(store.trials, ranked, calm.shown, chosen)
        : pickGrouped(store.trials, groupedIn(store.trials, derived)),
    [version, ranked, calm, chosen, group],
  )
  useEffect(() => store.want(picked), [picked])
  const names = useMemo(() => reportedMetrics(store.curves, objective?.metric), [drawn, objective?.metric])
  // Where the objective itself is never reported, the first metric that is.
  const reports = (name: string) => [...store.curves.values()].some(({ values }) => values.has(name))
  const metric = wanted ?? names.find(reports) ?? objective?.metric ?? names[0] ?? 'value'
  const isLog = log.includes(`curve.${metric}`)
  const chart = useMemo(() => {
    const groups = group === null ? undefined : groupsOf(store.trials, group, standing.repeats)
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
          group: groups?.of(place) ?? null,
        },
      ]
    })
    return curvesChart(curves, {
      metric,
      across,
      log: isLog,
      best: standing.best,
      ...(groups === undefined ? {} : { groups: groups.names }),
    })
  }, [picked, drawn, version, metric, across, isLog, standing.best, group, chosen])
  const choices = [['', 'each trial'] as const, ...groupings(store.trials, standing)]
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
        options={choices}
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
      ? 'Mean and 95 % interval of each group, of the trials that are let through; of those you chose, where you chose several.'
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

/** Which trials are put together: those that are let through, or of these the ones that somebody chose to compare. */
function groupedIn(trials: Trials, { calm, chosen }: Derived): (place: number) => boolean {
  return (place) => calm.shown[place] === 1 && (chosen.size < 2 || chosen.has(trials.number(place)))
}

/** The result of each group, where trials are grouped. */
export function GroupsPanel({ store, standing, derived }: PartProps) {
  const { objective, calm, chosen, version } = derived
  const group = seen.group.value
  const groups = useMemo(() => {
    if (group === null || objective === undefined) return undefined
    return resultsOf(
      store.trials,
      objective.metric,
      groupsOf(store.trials, group, standing.repeats),
      groupedIn(store.trials, derived),
    )
  }, [version, group, objective, calm, chosen])
  const chart = useMemo(() => groups && groupsChart(groups, objective?.metric ?? ''), [groups])
  if (groups === undefined || chart === undefined) return null
  return (
    <ChartBox
      title="Results by group"
      wide
      chart={chart}
      height={groupsHeight(groups)}
      onPick={choose}
      note="Dots: results. Lines: the means of the groups, with their 95 % intervals where there are several results."
    />
  )
}
