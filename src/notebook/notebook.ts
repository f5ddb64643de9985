/** `notebook()`: an experiment that is defined and run cell by cell. */
import { problem } from '../../protocol/index.ts'
import {
  defineWith,
  type ContextOf,
  type Contexts,
  type Experiment,
  type ExperimentSpec,
  type Exploration,
  type HparamsOf,
  type TrainResult,
} from '../experiment/index.ts'
import { contextOf } from '../client/index.ts'
import type { Hparams } from '../../protocol/index.ts'
import { contextFor, type ContextKind, type ContextOptions } from './contexts.ts'
import { hearCells } from './cell-log.ts'
import { hookHere } from './hook.ts'
import { placing } from './places.ts'
import type { NotebookResult } from './result.ts'
import { runInCell, type NotebookOptions, type RunOptions } from './running.ts'

// From the cell after this import on.
hearCells()

const defineExperiment = defineWith(() => import('../train/index.ts'))
const moduleUrl = 'maggy:notebook'
/** How functions by value name an object that cannot travel. */
const stays = Symbol.for('maggy.stays')

type Generator = (...given: never[]) => unknown
/** A training function: what it takes is its own affair, as long as it takes one object. */
type Train = (args: never) => TrainResult | Promise<TrainResult>
type HparamsIn<T> = T extends (args: { readonly hparams: infer H }) => unknown
  ? H extends object
    ? H
    : Hparams
  : Hparams

/** An experiment that cells put together, step by step. */
export interface Notebook {
  setDatasetGenerator(generator: Generator): void
  setModelGenerator(generator: Generator): void
  /** Defaults for hparams that a context leaves out. */
  setHparams(hparams: object): void
  /** Sets the context in which `lagom` runs from now on. Throws NOTEBOOK_INVALID and what the context itself throws. */
  setContext<K extends ContextKind>(kind: K, options: ContextOptions[K]): void
  /** Runs the training function in the context that is set; without one, explores it in this process. */
  lagom<T extends Train>(train: T, options?: RunOptions): Promise<NotebookResult<HparamsIn<T>>>
}

/** An experiment that was defined as a whole. */
export interface DefinedNotebook<H extends object, C extends Contexts> extends Pick<
  Experiment<H, C>,
  'name' | 'contexts' | 'defaults' | 'run'
> {
  lagom<K extends string & keyof C>(context: K, options?: RunOptions): Promise<NotebookResult<H & AddedBy<C[K]>>>
  lagom<A extends object>(context: ContextOf<A>, options?: RunOptions): Promise<NotebookResult<A & Partial<H>>>
}

type AddedBy<C> = C extends ContextOf<infer A> ? A : never

/** An experiment to be put together cell by cell. */
export function notebook(options: NotebookOptions = {}): Notebook {
  hearCells()
  return new CellByCell(options)
}

class CellByCell implements Notebook {
  readonly [stays] = 'it is the notebook itself'
  readonly #options: NotebookOptions
  readonly #parts: { dataset?: Generator; model?: Generator; hparams?: object } = {}
  #chosen: ReturnType<typeof contextFor> | undefined
  #before: ContextOf | undefined

  constructor(options: NotebookOptions) {
    this.#options = options
  }

  setDatasetGenerator(generator: Generator): void {
    this.#parts.dataset = checked('setDatasetGenerator', generator)
  }

  setModelGenerator(generator: Generator): void {
    this.#parts.model = checked('setModelGenerator', generator)
  }

  setHparams(hparams: object): void {
    this.#parts.hparams = { ...hparams }
  }

  setContext(kind: string, options: object): void {
    this.#chosen = contextFor(kind, options, this.#before)
    if (this.#chosen.kind === 'context' && this.#chosen.context.context.objectives.length > 0)
      this.#before = this.#chosen.context
  }

  async lagom<T extends Train>(train: T, options: RunOptions = {}): Promise<NotebookResult<HparamsIn<T>>> {
    const { name = 'notebook' } = this.#options
    const definition = { name, ...this.#parts, train: checked('lagom', train) }
    const experiment = defineExperiment(moduleUrl, definition as never) as Experiment
    const chosen = this.#chosen ?? { kind: 'exploration', hparams: {} }
    const hook = hookHere()
    if (hook !== undefined) {
      const context = chosen.kind === 'exploration' ? undefined : chosen.context
      const contextName = context?.kind ?? 'exploration'
      const given = { experiment, definition, contextName, context, options: this.#options }
      return (await hook.run(given)) as NotebookResult<HparamsIn<T>>
    }
    const result =
      chosen.kind === 'exploration'
        ? explored(await placing(definition, () => experiment.run(chosen.hparams)), name)
        : await runInCell(experiment, definition, chosen.context.kind, chosen.context, this.#options, options)
    return result as NotebookResult<HparamsIn<T>>
  }
}

function checked<F>(where: string, fn: F): F {
  if (typeof fn === 'function') return fn
  throw problem('NOTEBOOK_INVALID', { path: `${where}(…)`, reason: `takes a function, and was given ${typeof fn}` })
}

/** An exploration as the result of one trial. */
function explored({ metrics, hparams, durationMs }: Exploration, name: string): NotebookResult {
  const trial = { trial: 0, state: 'done', hparams, metrics, durationMs } as NotebookResult['best']
  return {
    experiment: `${name}-exploration`,
    name,
    state: 'done',
    best: trial,
    trials: [trial],
  } as unknown as NotebookResult
}

function define<Defaults extends object = object, C extends Contexts = Contexts, D = undefined, M = undefined>(
  spec: ExperimentSpec<Defaults, C, D, M>,
  options: NotebookOptions = {},
): DefinedNotebook<HparamsOf<Defaults, C>, C> {
  hearCells()
  const experiment = defineExperiment(moduleUrl, spec)
  const { contexts: _, ...definition } = spec
  const { name, contexts, defaults } = experiment
  const whole = { experiment: experiment as Experiment, definition: { ...definition }, options: { ...options, name } }
  hookHere()?.defined({ ...whole, contextName: '', context: undefined })
  const lagom = async (given: string | ContextOf, running: RunOptions = {}) => {
    const context = typeof given === 'string' ? contextOf(experiment, given) : given
    const contextName = typeof given === 'string' ? given : given.kind
    const hook = hookHere()
    if (hook !== undefined) return await hook.run({ ...whole, contextName, context })
    return await runInCell(experiment, { ...definition }, contextName, context, { ...options, name }, running)
  }
  const run: typeof experiment.run = (...given) => placing(definition, () => experiment.run(...given))
  const defined = { name, contexts, defaults, run, lagom, [stays]: 'it is the notebook itself' }
  return defined as unknown as DefinedNotebook<HparamsOf<Defaults, C>, C>
}

/** An experiment as `defineExperiment` takes it, of functions that stand in cells. Throws EXPERIMENT_INVALID. */
notebook.define = define
