/** `maggy conformance ROLE --name X`: plays the other side of the bus against an actor that runs, and says what it does wrong. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { bundleBucket, type Bundle, type Hparams, type SearchSpace } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import type { Bus } from '../bus/index.ts'
import { openSession } from '../client/index.ts'
import {
  ablatorChecks,
  AblatorPeer,
  Line,
  optimizerChecks,
  OptimizerPeer,
  program,
  programName,
  prunerChecks,
  PrunerPeer,
  runChecks,
  startActor,
  workerChecks,
  WorkerPeer,
  type CheckResult,
  type StartedActor,
} from '../conformance/index.ts'
import { validateSpace } from '../space/index.ts'
import { visibleLines } from '../words/index.ts'
import { jsonFile, jsonOption } from './json-option.ts'
import { sayAside, sessionOptions, type BusOptions } from './looking.ts'
import { printJson } from './watch.ts'

type ConformanceRole = 'optimizer' | 'pruner' | 'ablator' | 'worker'

export interface ConformanceOptions extends BusOptions {
  readonly name: string
  readonly json?: boolean
  /** Options of the optimizer, pruner or ablator, as JSON. */
  readonly options?: string
  /** A file with a search space that the optimizer takes. */
  readonly space?: string
  /** Hyperparameters that a worker's objective needs, as JSON. */
  readonly hparams?: string
  /** The metric that a worker's objective returns. */
  readonly metric?: string
  /** The command that starts the actor: it is killed and started again in a check. */
  readonly start?: string
  readonly trials: number
}

/** Returns the exit code: failed, if a check failed. */
export async function conformanceCommand(role: ConformanceRole, given: ConformanceOptions): Promise<number> {
  const session = await openSession({ ...sessionOptions(given), actors: 'none', onNotice: sayAside })
  let actor: StartedActor | undefined
  try {
    const show = (result: CheckResult) => {
      if (given.json === true) printJson('check', { role, name: given.name, check: result })
      else process.stdout.write(`${resultText(result)}\n`)
    }
    const restart = async () => actor?.restart()
    const suite = await suites[role](session.bus, given, given.start === undefined ? {} : { restart })
    if (given.start !== undefined) actor = await startActor(given.start, session.address, () => suite.answers())
    const results = await suite.run(show)
    const count = (state: CheckResult['state']) => results.filter((result) => result.state === state).length
    const counts = {
      passed: count('passed'),
      failed: count('failed'),
      advised: count('advised'),
      skipped: count('skipped'),
    }
    if (given.json === true)
      printJson('conformance', { role, name: given.name, conforms: counts.failed === 0, ...counts })
    else process.stdout.write(`\n${summaryText(role, given.name, counts)}\n`)
    return counts.failed === 0 ? exitCodes.done : exitCodes.failed
  } finally {
    await actor?.stop()
    await session.close()
  }
}

interface Suite {
  answers(): Promise<boolean>
  run(show: (result: CheckResult) => void): Promise<readonly CheckResult[]>
}

type Restart = { readonly restart?: () => Promise<void> }

const suites: Readonly<
  Record<ConformanceRole, (bus: Bus, given: ConformanceOptions, restart: Restart) => Promise<Suite>>
> = {
  async optimizer(bus, given, restart) {
    const space = given.space === undefined ? {} : { space: await spaceIn(given.space) }
    const peer = new OptimizerPeer({ ...asked(bus, given), ...restart, ...space })
    return {
      answers: () => peer.answers(),
      run: (show) => runChecks(peer, optimizerChecks({ trials: given.trials }), show),
    }
  },
  async ablator(bus, given, restart) {
    const peer = new AblatorPeer({ ...asked(bus, given), ...restart })
    return {
      answers: () => peer.answers(),
      run: (show) => runChecks(peer, ablatorChecks({ trials: given.trials }), show),
    }
  },
  async pruner(bus, given) {
    const peer = new PrunerPeer(asked(bus, given))
    return {
      answers: () => peer.answers(),
      run: (show) => runChecks(peer, prunerChecks({ questions: given.trials }), show),
    }
  },
  async worker(bus, given) {
    const { name, hparams, metric } = given
    const peer = new WorkerPeer({
      line: new Line(bus),
      name,
      ...(await storedProgram(bus)),
      ...(hparams === undefined ? {} : { hparams: jsonOption(hparams, '--hparams') as Hparams }),
      ...(metric === undefined ? {} : { metric }),
    })
    return { answers: () => peer.answers(), run: (show) => runChecks(peer, workerChecks, show) }
  },
}

const asked = (bus: Bus, { name, options }: ConformanceOptions) => ({
  line: new Line(bus),
  name,
  options: jsonOption(options, '--options'),
})

const spaceIn = async (file: string): Promise<SearchSpace> => validateSpace(await jsonFile(file, '--space'))

/** The program that TypeScript workers are given to run. */
async function storedProgram(bus: Bus): Promise<{ bundle: Bundle; code: Uint8Array }> {
  const { bundleModule } = await import('../bundle/index.ts')
  const folder = await mkdtemp(join(tmpdir(), 'maggy-conformance-'))
  try {
    const file = join(folder, programName)
    await writeFile(file, program)
    const { code, sha256, module } = await bundleModule(file)
    await bus.blobs.put(bundleBucket, sha256, code)
    return { bundle: { sha256, bytes: code.length, module }, code }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const mark: Readonly<Record<CheckResult['state'], string>> = {
  passed: pc.green('passed '),
  failed: pc.red('FAILED '),
  advised: pc.yellow('advised'),
  skipped: pc.dim('skipped'),
}

/** One check, for people: what passed in a line, what did not with all that is known. */
function resultText({ name, says, why, state, reason, figure, sent, came }: CheckResult): string {
  const head = `${mark[state]} ${name}: ${says}`
  if (state === 'passed') return figure === undefined ? head : `${head} (${figure})`
  if (state === 'skipped') return `${head}\n          not looked at: ${visibleLines(reason ?? '')}`
  const lines = [`wrong     ${reason}`, `sent      ${sent}`, `came      ${came}`, `it matters, for ${why}`]
  return [head, ...lines.map((line) => `          ${visibleLines(line)}`)].join('\n')
}

function summaryText(role: string, name: string, counts: Readonly<Record<CheckResult['state'], number>>): string {
  const said = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
  const verdict = counts.failed === 0 ? pc.green('conforms') : pc.red('does not conform')
  return `the ${role} ${name} ${verdict}: ${said.join(', ')}`
}
