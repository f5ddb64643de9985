/** Checks of a served pruner. It is asked one question, which carries everything that it judges by. */
import {
  check,
  encode,
  isProblem,
  judge,
  problem,
  subjectFor,
  toProblem,
  type JudgedTrial,
  type MetricPoint,
  type PayloadOf,
} from '../../protocol/index.ts'
import { createRandom } from '../random/index.ts'
import { otherVersion, requiresAnyError } from './answers.ts'
import { Finding, requires, same, type Check } from './check.ts'
import { cameText, type Came, type Line } from './line.ts'
import { quantile, shown } from './suggester/speed.ts'

type Question = PayloadOf<typeof judge>
type Verdict = 'continue' | 'stop'

export interface PrunerPeerOptions {
  readonly line: Line
  readonly name: string
  readonly options?: Readonly<Record<string, unknown>>
}

export class PrunerPeer {
  readonly line: Line
  readonly name: string
  readonly subject: string
  readonly #options: Readonly<Record<string, unknown>>

  constructor({ line, name, options = {} }: PrunerPeerOptions) {
    this.line = line
    this.name = name
    this.#options = options
    this.subject = subjectFor(judge, { pruner: name })
  }

  question(given: Partial<Question> = {}): Question {
    return {
      experiment: 'conformance-pruner',
      objectives: [{ metric: 'value', direction: 'minimize' }],
      options: { ...this.#options },
      trial: running(curve(5, 99)),
      history: finished(20),
      ...given,
    }
  }

  async answers(): Promise<boolean> {
    const { kind } = await this.line.probe(this.subject)
    return kind !== 'nobody' && kind !== 'silence'
  }

  tryJudge(given: Partial<Question> = {}): Promise<Came> {
    return this.line.ask(this.subject, this.question(given))
  }

  /** Ends the check when the answer is no verdict. */
  async judge(given: Partial<Question> = {}): Promise<Verdict> {
    const came = await this.tryJudge(given)
    requires(came.kind === 'ok', () => `a verdict should come, and there came ${cameText(came)}`)
    try {
      return check(judge.reply, came.value, 'judge').verdict
    } catch (error) {
      if (!isProblem(error, 'MESSAGE_INVALID')) throw error
      throw new Finding('failed', `the answer is not valid: ${error.message}`)
    }
  }
}

const shared = 48
const pointsAtMost = 64
const trialsAtMost = 256

/** `questions`: of the check of speed. */
export const prunerChecks = ({ questions = 1000 }: { readonly questions?: number } = {}): Check<PrunerPeer>[] => [
  {
    name: 'transport.verdict',
    says: 'answers whether a trial goes on: continue or stop',
    why: 'anything else stops nothing, and is noted as a pruner that does not judge',
    async run(peer) {
      return peer.judge()
    },
  },
  {
    name: 'transport.queue-group',
    says: 'hears questions as a member of the queue group `pruner`',
    why: 'otherwise two processes of that name both work on each question, and the answer of one is lost',
    async run(peer) {
      const { bus } = peer.line
      let taken = 0
      const refusal = encode({ error: toProblem(problem('OPTIMIZER_BUSY', { optimizer: peer.name, waiting: 0 })) })
      const decoy = bus.subscribe(
        peer.subject,
        (delivery) => {
          taken += 1
          delivery.respond(refusal)
        },
        { queue: 'pruner' },
      )
      try {
        await bus.flush()
        for (let round = 0; round < shared; round += 1) await peer.tryJudge()
      } finally {
        decoy.unsubscribe()
        await bus.flush()
      }
      peer.line.note(`${shared} times ${peer.subject}, with another member in the queue group`, `that one got ${taken}`)
      requires(taken < shared, () => `another member of the group got all ${shared}, as if it were alone`)
      return undefined
    },
  },
  otherVersion((peer) => ({ subject: peer.subject, payload: peer.question() })),
  {
    name: 'transport.garbage',
    says: 'answers garbage with an error, and goes on',
    why: 'one message that is not valid, from whomever, must not end a process that judges for all experiments',
    async run(peer) {
      const wrong: readonly unknown[] = [
        new Uint8Array(),
        new Uint8Array([0xc1]),
        null,
        [1],
        {},
        { ...peer.question(), trial: 'none' },
      ]
      for (const payload of wrong) {
        const came = await peer.line.ask(peer.subject, payload)
        requiresAnyError(came)
      }
      await peer.judge()
      return undefined
    },
  },
  {
    name: 'transport.unknown-fields',
    says: 'leaves alone what it does not know in a message',
    why: 'a newer driver of the same major version may say more',
    async run(peer) {
      const came = await peer.line.ask(peer.subject, { ...peer.question(), somethingNew: [1] })
      requires(came.kind === 'ok', () => `a verdict should come, and there came ${cameText(came)}`)
      return undefined
    },
  },
  {
    name: 'judging.no-reports',
    says: 'judges a trial that has not reported, and one whose reports lack the metric',
    why: 'trials begin without a report, and may report other numbers first',
    async run(peer) {
      await peer.judge({ trial: running([]) })
      await peer.judge({ trial: running([{ step: 1, at: 0, values: { other: 1 } }]) })
      await peer.judge({ history: [] })
      return undefined
    },
  },
  {
    name: 'judging.null',
    says: 'judges values that are null, in the trial and in the history',
    why: 'null stands for a number that is not finite: a loss that has exploded',
    async run(peer) {
      const lost = (points: readonly MetricPoint[]) =>
        points.map(({ step, at }) => ({ step, at, values: { value: null } }))
      await peer.judge({ trial: running(lost(curve(1, 1))) })
      await peer.judge({ history: finished(20).map((trial) => ({ ...trial, points: lost(trial.points) })) })
      return undefined
    },
  },
  {
    name: 'judging.states',
    says: 'judges beside trials that run, are done, pruned, failed and cancelled',
    why: 'the history holds trials of every state',
    async run(peer) {
      for (const state of ['running', 'done', 'pruned', 'failed', 'cancelled'] as const) {
        await peer.judge({ history: finished(8).map((trial) => ({ ...trial, state })) })
      }
      return undefined
    },
  },
  {
    name: 'judging.full',
    says: `judges beside ${trialsAtMost} trials of ${pointsAtMost} reports each`,
    why: 'so much a question holds at most, and in a long search every question does',
    async run(peer) {
      const full = Array.from({ length: trialsAtMost }, (_, trial): JudgedTrial => ({
        trial,
        state: 'done',
        points: [...curve(trial % 7, trial, pointsAtMost)],
      }))
      await peer.judge({ history: full, trial: running(curve(3, 5, pointsAtMost)) })
      return undefined
    },
  },
  {
    name: 'judging.memory',
    says: 'judges by the question alone, whatever it was asked before',
    why: 'any process of that name may be asked next, and a replay asks again; a verdict out of a memory of its own is another one there',
    async run(peer) {
      const questions = [0, 1, 3, 6, 9].map((level) => ({ trial: running(curve(level, level)), history: finished(25) }))
      const first: Verdict[] = []
      for (const question of questions) first.push(await peer.judge(question))
      for (let round = 0; round < 12; round += 1) {
        await peer.judge({
          experiment: 'conformance-other',
          trial: running(curve(-50 * round, round)),
          history: finished(40),
        })
      }
      const again: Verdict[] = []
      for (const question of questions.toReversed()) again.unshift(await peer.judge(question))
      requires(
        same(first, again),
        () => `asked the same again it says ${again.join(', ')}, and had said ${first.join(', ')}`,
      )
      return undefined
    },
  },
  {
    name: 'judging.at-once',
    says: 'answers questions of several experiments at once, each its own',
    why: 'one process judges for all experiments that name it',
    async run(peer) {
      const levels = Array.from({ length: 32 }, (_, index) => (index % 2 === 0 ? -40 : 40))
      const asked = levels.map((level, index) => ({
        experiment: `conformance-${index}`,
        trial: running(curve(level, index)),
      }))
      const alone: Verdict[] = []
      for (const question of asked) alone.push(await peer.judge(question))
      const together = await Promise.all(asked.map((question) => peer.judge(question)))
      requires(same(alone, together), () => 'asked at once, it gives other verdicts than one after the other')
      return undefined
    },
  },
  {
    name: 'speed.judge',
    says: "answers within the driver's time",
    why: 'a trial goes on while its pruner thinks: what is slow stops trials late',
    async run(peer) {
      const history = finished(100)
      const took: number[] = []
      for (let round = 0; round < questions; round += 1) {
        const before = performance.now()
        await peer.judge({ history, trial: running(curve(round % 9, round)) })
        took.push(performance.now() - before)
      }
      return `p50 ${shown(quantile(took, 0.5))} ms, p99 ${shown(quantile(took, 0.99))} ms over ${questions} questions`
    },
  },
]

/** A noisy curve round a level. */
function curve(level: number, seed: number, steps = 30): MetricPoint[] {
  const random = createRandom('curve', seed)
  return Array.from({ length: steps }, (_, step) => ({ step, at: step, values: { value: level + random.normal() } }))
}

function finished(count: number): JudgedTrial[] {
  const states = ['done', 'done', 'pruned', 'done', 'failed', 'cancelled', 'running'] as const
  return Array.from({ length: count }, (_, trial) => ({
    trial,
    state: states[trial % states.length] ?? 'done',
    points: curve(trial % 5, trial).slice(0, trial % 3 === 0 ? 10 : 30),
  }))
}

const running = (points: readonly MetricPoint[]): JudgedTrial => ({ trial: 999, state: 'running', points: [...points] })
