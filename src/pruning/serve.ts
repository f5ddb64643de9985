/** A user's own pruner: a process that judges by a function. Experiments name it: `pruner: { name, served: true }`. */
import { judge, problem, type JudgedTrial, type Objective } from '../../protocol/index.ts'
import { servedWith } from '../access/index.ts'
import { announcePresence, newId, runActor, type ActorDefinition } from '../actor/index.ts'
import { answer, type Bus, type OnDropped } from '../bus/index.ts'
import { builtinPruners } from '../pruners/index.ts'

export interface ServedPruner {
  /** The name that experiments know it by. Letters, digits, - and _; not that of a built-in. */
  readonly name: string
  /**
   * Asked after a report of the trial. `history`: other trials, at most 256, each by at most 64 of its points. It may take its time;
   * the trial goes on meanwhile. What it throws stops nothing.
   */
  readonly judge: (question: {
    readonly trial: JudgedTrial
    readonly history: readonly JudgedTrial[]
    readonly objectives: readonly Objective[]
    readonly options: Readonly<Record<string, unknown>>
  }) => 'continue' | 'stop' | Promise<'continue' | 'stop'>
  /** Its options as a JSON Schema, for people who choose (`maggy actors`). */
  readonly options?: Readonly<Record<string, unknown>>
  /** The bus. Default: --server on the command line, or else MAGGY_SERVER, or else 127.0.0.1:4222. */
  readonly server?: string
  /** The command line. Default: that of the process. */
  readonly argv?: readonly string[]
}

/** Starts to answer on the bus. Throws OPTION_INVALID for a name that cannot be served. */
export function startPruner(
  bus: Bus,
  pruner: ServedPruner,
  { id = newId('pruner'), onDropped }: { readonly id?: string; readonly onDropped?: OnDropped } = {},
): { drain(): Promise<void> } {
  const { name } = pruner
  const invalid = (reason: string) => problem('OPTION_INVALID', { option: 'name', reason })
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(name)) throw invalid(`is ${name}; letters, digits, - and _ only, at most 100`)
  if (builtinPruners.has(name)) throw invalid(`is ${name}, which is a built-in; choose another`)
  let questions = 0
  const subscription = answer(
    bus,
    judge,
    { pruner: name },
    async ({ trial, history, objectives, options }) => {
      questions += 1
      try {
        return { verdict: await pruner.judge({ trial, history, objectives, options }) }
      } finally {
        questions -= 1
      }
    },
    { queue: 'pruner', ...(onDropped === undefined ? {} : { onDropped }) },
  )
  const serves = [{ name, ...(pruner.options === undefined ? {} : { options: { ...pruner.options } }) }]
  const presence = announcePresence(
    bus,
    id,
    () => ({ role: 'pruner', serves, load: { experiments: 0, questions } }),
    onDropped,
  )
  return {
    async drain() {
      presence.unsubscribe()
      subscription.unsubscribe()
      await bus.flush()
    },
  }
}

/** Answers until the process is told to end (SIGTERM, SIGINT), and then ends it. Rejects with OPTION_INVALID. */
export async function servePruner(pruner: ServedPruner): Promise<never> {
  const { server, argv = process.argv.slice(2) } = pruner
  const actor: ActorDefinition<object> = {
    name: pruner.name,
    description: `the pruner ${pruner.name}`,
    roles: ['optimizer'],
    options: (command) => command,
    async start({ bus, id, onDropped, access }) {
      servedWith(access, [pruner])
      return startPruner(bus, pruner, { id, onDropped })
    },
  }
  return runActor(actor, [...(server === undefined ? [] : ['--server', server]), ...argv])
}
