/** `maggy show --source` and `maggy diff`: what was run, and how two experiments differ. */
import { createTwoFilesPatch } from 'diff'
import pc from 'picocolors'
import { canonical, own, problem, type Context } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { readLog } from '../archive/index.ts'
import { sourcesIn, type SourceFile } from '../bundle/index.ts'
import type { Bus } from '../bus/index.ts'
import { fetchSource } from '../client/index.ts'
import { latestExperiment, readResult, searchedHparams, type Result } from '../store/index.ts'
import { visible, visibleLines } from '../words/index.ts'
import { asking, type Looking } from './looking.ts'
import { table } from './plain-table.ts'
import { valueText } from './text.ts'
import { printJson } from './watch.ts'

/** Prints the user's own modules, as they were when the experiment was submitted. */
export async function sourceCommand(id: string | undefined, options: Looking): Promise<number> {
  await asking(
    options,
    async ({ bus }) => {
      const result = await readResult(bus, id ?? (await latestExperiment(bus)))
      const files = await sourcesOf(bus, result)
      if (options.json === true) {
        for (const file of files) printJson('source', { experiment: result.experiment, ...file })
      } else {
        const shown = files.map(
          ({ path, text }) => `${pc.dim(`// ${visible(path)}`)}\n${visibleLines(text).trimEnd()}\n`,
        )
        process.stdout.write(shown.join('\n'))
      }
    },
    id,
  )
  return exitCodes.done
}

async function sourcesOf(bus: Bus, { experiment, bundle }: Result): Promise<readonly SourceFile[]> {
  if (bundle === undefined) throw problem('SOURCE_MISSING', { experiment })
  return sourcesIn(await fetchSource(bus, bundle.sha256), bundle.module)
}

interface Side {
  readonly result: Result
  /** Of its context, one line a value. */
  readonly context: readonly string[]
  readonly sources: readonly SourceFile[]
}

/** Values that differ, by name: of A, of B. */
type Differences = Readonly<Record<string, readonly [unknown, unknown]>>

/** Says in what two experiments differ: what they came to, context, hparams of the best, and source as a unified diff. */
export async function diffCommand(first: string, second: string, options: Looking): Promise<number> {
  const [a, b] = await asking(
    options,
    async ({ bus }) => [await sideOf(bus, first), await sideOf(bus, second)] as const,
    first,
  )
  const found = {
    results: differences(resultsIn(a.result), resultsIn(b.result)),
    hparams: differences(hparamsIn(a.result), hparamsIn(b.result)),
    provenance: differences(provenanceIn(a.result), provenanceIn(b.result)),
    context: patch(first, second, 'context', a.context.join('\n'), b.context.join('\n')),
    source: sourcePatches(first, second, a.sources, b.sources),
  }
  if (options.json === true) {
    printJson('diff', { a: first, b: second, ...found })
    return exitCodes.done
  }
  const parts = [
    section('results', found.results, first, second),
    section('hparams of the best', found.hparams, first, second),
    section('run with', found.provenance, first, second),
    coloured(found.context),
    ...found.source.map(coloured),
  ].filter((part) => part !== '')
  process.stdout.write(`${parts.length === 0 ? 'no differences' : parts.join('\n\n')}\n`)
  return exitCodes.done
}

async function sideOf(bus: Bus, experiment: string): Promise<Side> {
  const result = await readResult(bus, experiment)
  const sources = result.bundle === undefined ? [] : await sourcesOf(bus, result)
  return { result, sources, context: contextLines(await contextIn(bus, experiment)) }
}

async function contextIn(bus: Bus, experiment: string): Promise<Context | undefined> {
  for await (const { entry } of readLog(bus, experiment)) {
    for (const event of entry?.events ?? []) if (event.type === 'experiment.accepted') return event.submission.context
  }
  return undefined
}

/** `space.lr.high = 0.1`: so that a diff shows the value, and where it stands. */
function contextLines(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} = ${JSON.stringify(value)}`]
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return path === '' ? [] : [`${path} = {}`]
  return entries.flatMap(([name, inner]) => contextLines(inner, path === '' ? name : `${path}.${name}`))
}

function resultsIn({ state, best, counts, mean, objectives, durationMs }: Result): Record<string, unknown> {
  const metrics = Object.fromEntries(
    objectives.map(({ metric }) => [`best ${metric}`, own(best?.metrics ?? {}, metric) ?? null]),
  )
  return { state, ...metrics, mean, ...counts, durationMs }
}

const hparamsIn = (result: Result): Record<string, unknown> =>
  result.best === null ? {} : { ...searchedHparams(result, result.best) }

function provenanceIn({ provenance, bundle, workers = [] }: Result): Record<string, unknown> {
  const { host, user, versions = {}, git } = provenance ?? {}
  const backends = [...new Set(workers.map(({ backend }) => backend))].sort().join(', ')
  return {
    host,
    user,
    ...versions,
    backend: backends === '' ? undefined : backends,
    commit: git?.commit,
    branch: git?.branch,
    dirty: git?.dirty,
    bundle: bundle?.sha256,
  }
}

function differences(a: Record<string, unknown>, b: Record<string, unknown>): Differences {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  const differing = names.filter((name) => canonicalText(a[name]) !== canonicalText(b[name]))
  return Object.fromEntries(differing.map((name) => [name, [a[name], b[name]] as const]))
}

const canonicalText = (value: unknown): string => (value === undefined ? '' : canonical(value))

function section(title: string, found: Differences, a: string, b: string): string {
  const rows = Object.entries(found).map(([name, [of, other]]) => [visible(name), valueText(of), valueText(other)])
  return rows.length === 0 ? '' : table([title, a, b], rows)
}

function patch(a: string, b: string, path: string, of: string, other: string): string {
  if (of === other) return ''
  return createTwoFilesPatch(`${a}/${path}`, `${b}/${path}`, `${of}\n`, `${other}\n`, '', '', { context: 3 })
    .replace(/^=+\n/, '')
    .trimEnd()
}

function sourcePatches(a: string, b: string, of: readonly SourceFile[], other: readonly SourceFile[]): string[] {
  const paths = [...new Set([...of, ...other].map(({ path }) => path))].sort()
  const textIn = (files: readonly SourceFile[], path: string) =>
    files.find((file) => file.path === path)?.text.trimEnd() ?? ''
  return paths.flatMap((path) => {
    const said = patch(a, b, path, textIn(of, path), textIn(other, path))
    return said === '' ? [] : [said]
  })
}

function coloured(text: string): string {
  return visibleLines(text)
    .split('\n')
    .map((line) => {
      if (/^(---|\+\+\+) /.test(line)) return pc.bold(line)
      if (line.startsWith('+')) return pc.green(line)
      if (line.startsWith('-')) return pc.red(line)
      return line.startsWith('@@') ? pc.cyan(line) : line
    })
    .join('\n')
}
