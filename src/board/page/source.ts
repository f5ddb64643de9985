/** Where the page has its data from: a board that runs, or the report that it is in. */
import type { ReportData } from '../report.ts'
import type { CurveColumns, ExperimentFrame, FleetFrame, HomeFrame, Importances, OutputFrame } from '../wire.ts'
import { connection, openStream, type FrameStream } from './stream.ts'

interface Hears<F> {
  frame(frame: F): void
  opened?(again: boolean): void
}

export interface Source {
  readonly kind: 'live' | 'report'
  home(hears: Hears<HomeFrame>): FrameStream
  fleet(hears: Hears<FleetFrame>): FrameStream
  experiment(id: string, hears: Hears<ExperimentFrame>): FrameStream
  output(id: string, trial: number, hears: Hears<OutputFrame>): FrameStream
  /** Overviews of the last attempts' curves. */
  curves(id: string, trials: readonly number[]): Promise<readonly CurveColumns[]>
  /** All attempts of one trial. */
  points(id: string, trial: number): Promise<readonly CurveColumns[]>
  importance(id: string): Promise<Importances>
  /** The names of those that are on the bus. */
  optimizers(): Promise<readonly string[]>
  /** Resolves with what went wrong, or with nothing. */
  control(id: string, name: string, asked: object): Promise<string | undefined>
}

function liveSource(): Source {
  const at = (...parts: readonly (string | number)[]) =>
    `/api/${parts.map((part) => encodeURIComponent(part)).join('/')}`
  return {
    kind: 'live',
    home: (hears) => openStream(at('events', 'home'), hears),
    fleet: (hears) => openStream(at('events', 'fleet'), hears),
    experiment: (id, hears) => openStream(at('events', 'experiment', id), hears),
    output: (id, trial, hears) => openStream(at('events', 'output', id, trial), hears),
    curves: (id, trials) => json(`${at('curves', id)}?trials=${trials.join(',')}`),
    points: (id, trial) => json(at('points', id, trial)),
    importance: (id) => json(at('importance', id)),
    optimizers: () => json(at('optimizers')),
    async control(id, name, asked) {
      const response = await fetch(at('control', id, name), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(asked),
      })
      if (response.ok) return undefined
      const { error } = (await response.json()) as { error?: { message?: string; remedy?: string } }
      return [error?.message ?? `the board answered ${response.status}`, error?.remedy].filter(Boolean).join('; ')
    },
  }
}

async function json<T>(path: string): Promise<T> {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`the board answered ${response.status}`)
  return (await response.json()) as T
}

const nothing: FrameStream = { close() {} }

function reportSource({ frame, curves, importance }: ReportData): Source {
  connection.value = 'live'
  const last = (trials: readonly number[]) => {
    const found = new Map<number, CurveColumns>()
    const wanted = new Set(trials)
    for (const curve of curves) {
      if (wanted.has(curve.trial) && (found.get(curve.trial)?.attempt ?? 0) <= curve.attempt)
        found.set(curve.trial, curve)
    }
    return [...found.values()]
  }
  return {
    kind: 'report',
    home: () => nothing,
    fleet: () => nothing,
    experiment(_, hears) {
      hears.opened?.(false)
      hears.frame(frame)
      return nothing
    },
    output: () => nothing,
    curves: (_, trials) => Promise.resolve(last(trials)),
    points: (_, trial) => Promise.resolve(curves.filter((curve) => curve.trial === trial)),
    importance: () => Promise.resolve(importance),
    optimizers: () => Promise.resolve([]),
    control: () => Promise.resolve('this is a report: nothing can be changed'),
  }
}

const embedded = document.getElementById('report')?.textContent

export const source: Source = embedded === undefined ? liveSource() : reportSource(JSON.parse(embedded) as ReportData)
/** When the report was written; null: this is a board that runs. */
export const writtenAt: number | null = embedded === undefined ? null : (JSON.parse(embedded) as ReportData).writtenAt
/** The experiment of the report. */
export const reported: string | null =
  embedded === undefined ? null : ((JSON.parse(embedded) as ReportData).frame.standing?.experiment ?? null)
