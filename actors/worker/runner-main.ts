/** A runner: the process in which user code runs. This thread is the user's and tfjs's; the second one has the bus. */
import { describe, toTold } from '../../protocol/index.ts'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import type { Span } from '../../src/actor/index.ts'
import {
  createDistribution,
  createRelease,
  createRingMemory,
  loadBackend,
  provideHost,
  type Backend,
} from '../../src/train/index.ts'
import { createAttempts } from './attempts.ts'
import { createArtifacts } from './artifacts.ts'
import { createCheckpoints } from './checkpoints.ts'
import { captureOutput } from './capture.ts'
import { createCommLine } from './comm-line.ts'
import { endThisGroup } from './process-group.ts'
import { watchTimers } from './remains.ts'
import { rememberSurroundings } from './surroundings.ts'
import type { CommSetting, FromComm, ToComm } from './comm-messages.ts'
import type { FromRunner, RunnerSetting, ToRunner } from './runner-messages.ts'
import { createSharedMemory, sharedFlags } from './shared-memory.ts'

/** lagom refuses to start within a runner: a user's script that defines and runs must not run itself. */
Object.assign(globalThis, { [Symbol.for('maggy.runner')]: true })

const toWorker = (message: FromRunner): void => {
  process.send?.(message)
}

/** The worker is gone: nobody is left to work for. Not in order, for that takes a second in which a ring waits for an answer. */
process.once('disconnect', () => {
  endThisGroup()
})
// A terminal's Ctrl-C goes to the whole group; the worker decides what becomes of its runners.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)

process.once('message', (message: ToRunner) => {
  if (message.type === 'setting') void start(message.setting)
})

async function start(setting: RunnerSetting): Promise<void> {
  const memory = createSharedMemory()
  const own = import.meta.url
  const data: CommSetting = { ...setting, memory }
  // Both threads load at once.
  const comm = new Worker(new URL(own.endsWith('.ts') ? './comm-main.ts' : './comm-main.js', own), { workerData: data })
  const exit = process.exit.bind(process)
  comm.on('error', (error) => {
    // Not by way of what is captured, which that thread would have to tell; nor is it the trial that exits.
    writeSync(process.stderr.fd, `the runner's second thread failed: ${describe(error)}\n`)
    exit(1)
  })
  const connected = once(comm, 'message')
  let backend: Backend
  let beginSpan: () => Span
  try {
    backend = loadBackend()
    provideHost(await import('../../src/index.ts'))
    // The line before has loaded it too.
    const { beginSpan: begin } = await import('../../src/actor/index.ts')
    beginSpan = begin
  } catch (error) {
    toWorker({ type: 'unfit', problem: toTold(error) })
    return
  }
  const toComm = createCommLine<MessagePort>((message, ports = []) => {
    comm.postMessage(message, [...ports])
  }, later)
  const answered = (wanted: FromComm['type'], question: ToComm): Promise<void> =>
    new Promise((resolve) => {
      const hear = (message: FromComm): void => {
        if (message.type !== wanted) return
        comm.off('message', hear)
        resolve()
      }
      comm.on('message', hear)
      toComm(question)
    })

  const stayAlive = aliveness(comm)
  const awaited = new Set<string>()
  const awaits = (what: string) => (waiting: boolean) => {
    if (waiting) awaited.add(what)
    else awaited.delete(what)
    if (awaited.size > 0) comm.ref()
    else if (!stayAlive.wanted) comm.unref()
  }
  const checkpoints = createCheckpoints(toComm, awaits('checkpoints'))
  const artifacts = createArtifacts(toComm, awaits('artifacts'))
  comm.on('message', checkpoints.hear)
  comm.on('message', artifacts.hear)
  const trials = createRelease(backend.tf)
  const attempts = createAttempts({
    flags: sharedFlags(memory),
    toComm,
    toWorker,
    beginSpan,
    checkpointsOf: checkpoints.of,
    artifactsOf: artifacts.of,
    flushed: () => answered('flushed', { type: 'flush' }),
    flushOutput: () => {
      capture.flush()
    },
    release: () => {
      const end = trials.begin()
      const began = now()
      return () => {
        putBack(now() - began)
        end()
      }
    },
    stayAlive: stayAlive.want,
    distribute: (assignment, stopReason) => {
      if (assignment.ring === undefined) return undefined
      const { ring, settings, seat = assignment.attempt.attempt - 1 } = assignment.ring
      const { port1, port2 } = new MessageChannel()
      const shared = createRingMemory()
      const message: ToComm = {
        type: 'ring',
        attempt: assignment.attempt,
        slot: assignment.slot,
        ring,
        seat,
        line: { port: port2, memory: shared },
      }
      toComm(message, [port2])
      const line = { port: port1, memory: shared }
      return createDistribution({ tf: backend.tf, settings, seat, seed: assignment.seed, line, stopReason })
    },
  })
  comm.on('message', (message: FromComm) => {
    if (message.type === 'refused') void attempts.refused(message.attempt, message.points, message.problem)
  })
  const capture = captureOutput((from, text) => attempts.line(from, text))
  watchTimers(() => attempts.remains())
  process.on('worker', (thread) => attempts.remains()?.noteThread(thread))

  let leaving = false
  const leave = async (code: number): Promise<void> => {
    if (leaving) return
    leaving = true
    await answered('closed', { type: 'close' })
    exit(code)
  }
  const fail = async (error: unknown): Promise<void> => {
    // The attempt has failed, and the worker sends this runner away.
    if (await attempts.fail(error)) return
    process.stderr.write(`uncaught in the runner: ${String(error)}\n`)
    await leave(1)
  }
  // Where user code has put a handler of its own, that is to see to it.
  process.on('uncaughtException', (error) => {
    if (process.listenerCount('uncaughtException') === 1) void fail(error)
  })
  process.on('unhandledRejection', (error) => {
    if (process.listenerCount('unhandledRejection') === 1) void fail(error)
  })
  process.exit = (code) => {
    if (attempts.remains() === undefined) return exit(code)
    const called = new Error(`process.exit(${code ?? ''}) was called: in a trial, return the result or throw an error`)
    void fail(called)
    throw called
  }

  process.on('message', (message: ToRunner) => {
    // The worker hands to the next process what this one has not begun.
    if (leaving) return
    if (message.type === 'begin') void attempts.begin(message.assignment, message.file)
    else if (message.type === 'stop') attempts.stop(message.key, message.cause)
    else if (message.type === 'leave') void leave(0)
  })
  const putBack = rememberSurroundings()
  // Before it hears the bus, a trial could not be stopped.
  await connected
  toWorker({ type: 'ready', backend: backend.name, versions: { ...backend.versions } })
}

/** What trials cannot replace. */
const now = performance.now.bind(performance)
/** Node's own: what trials set is watched (remains.ts). */
const { setTimeout: set, clearTimeout: clear } = globalThis
const later = (work: () => void, ms: number): (() => void) => {
  const timer = set(work, ms).unref()
  return () => {
    clear(timer)
  }
}

/** Whether the channel to the worker and the second thread keep this process alive. */
function aliveness(comm: Worker): { readonly wanted: boolean; readonly want: (wanted: boolean) => void } {
  let wanted = true
  const want = (now: boolean): void => {
    wanted = now
    if (now) {
      process.channel?.ref()
      comm.ref()
    } else {
      process.channel?.unref()
      comm.unref()
    }
  }
  // Nothing is left to do: whoever waits is told by this same event, and the process goes on.
  process.on('beforeExit', () => {
    want(true)
  })
  return {
    get wanted() {
      return wanted
    },
    want,
  }
}
