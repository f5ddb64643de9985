/** The second thread of a runner: a connection of its own, so that a training loop that blocks the first still speaks and hears. */
import { randomUUID } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../src/actor/index.ts'
import { connectNats, type Bus } from '../../src/bus/index.ts'
import { createTidying } from '../../src/heap/index.ts'
import { openGates } from '../../src/isolation/index.ts'
import { attemptKey, codeOf, describe, isProblem, RemoteError, toProblem } from '../../protocol/index.ts'
import type { CommSetting, FromComm, ToComm } from './comm-messages.ts'
import { endThisGroup } from './process-group.ts'
import { createRingCheckpoints, createRingMember, type RingMember } from './ring/index.ts'
import { fetchCheckpoint, isRefused, passes, storeCheckpoint } from './store.ts'
import { uploadArtifact } from './upload.ts'
import { sharedFlags } from './shared-memory.ts'
import { createTelemetry } from './telemetry.ts'

const { memory, server, access, worker, runner, gates = [] } = workerData as CommSetting
const port = parentPort
if (port === null) throw new Error('this is the second thread of a runner')

async function connect(): Promise<Bus> {
  const { token, user, tls, identity } = access
  const shown = {
    ...(token === undefined ? {} : { token }),
    ...(user === undefined ? {} : { user: () => user }),
    ...(tls === undefined ? {} : { tls }),
    ...(identity === undefined ? {} : { identity }),
  }
  for (;;) {
    try {
      return await connectNats({ server, ...shown, name: `${worker} runner ${runner}` })
    } catch (error) {
      if (!isProblem(error, 'BUS_UNREACHABLE')) throw error
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

const onNotice = (text: string): void => {
  process.stderr.write(`${text}\n`)
}
await openGates(gates)
const bus = await connect()
const telemetry = createTelemetry({
  bus,
  clock: systemClock,
  worker,
  runner,
  pid: process.pid,
  author: randomUUID(),
  flags: sharedFlags(memory),
  onNotice,
  onRefused: (attempt, points, error) => {
    post({ type: 'refused', attempt, points, problem: toProblem(error) })
  },
  onGoing: (attempt) => {
    going = attemptKey(attempt)
    if (ringing === undefined) return
    void ringing.keep().then(() => telemetry.kept())
  },
})
/** The attempt that is to be handed back once its next checkpoint is kept. */
let going: string | undefined
let member: RingMember | undefined
/** Pieces of artifacts that the first thread was asked for. */
const pieces = new Map<number, (message: Extract<ToComm, { type: 'piece' }>) => void>()
/** That of the attempt that runs. */
let ringing: RingMember | undefined
// A first thread that is blocked does not see that its worker is gone, and a ring would wait for it.
const parent = process.ppid
const idleLookMs = 5_000
const goWithWorker = (): void => {
  if (process.ppid !== parent) endThisGroup()
}
/** While there is no attempt, the first thread hears it at once: dozens of runners that look every second would be felt. */
setInterval(goWithWorker, idleLookMs).unref()
let isBusy = false
/** Looks more closely while there is an attempt. */
let watching: NodeJS.Timeout | undefined
const watch = (): void => {
  goWithWorker()
  watching = isBusy ? setTimeout(watch, 100).unref() : undefined
}

/** This thread is collected between two attempts when it has grown by so much. It takes some 10 ms. */
const tidying = createTidying(4 * 2 ** 20)

const post = (message: FromComm): void => {
  port.postMessage(message)
}

port.on('message', (message: ToComm) => {
  switch (message.type) {
    case 'begin':
      ringing = undefined
      isBusy = true
      watching ??= setTimeout(watch, 100).unref()
      telemetry.begin(message.attempt)
      // It may be the first word of the end of the one before.
      tidying.idle()
      tidying.busy()
      return
    case 'point':
      telemetry.point(message.point)
      return
    case 'line':
      telemetry.line(message.attempt, message.from, message.text)
      return
    case 'ring': {
      const { attempt, slot, ring, seat, line } = message
      const checkpoints = createRingCheckpoints({ bus, clock: systemClock, worker, attempt, onNotice })
      // One that is done may still linger for the others' sake; it closes by itself.
      ringing = member = createRingMember({ bus, clock: systemClock, worker, slot, ring, seat, line, checkpoints })
      return
    }
    case 'flush':
      void flush()
      return
    case 'store':
      void store(message)
      return
    case 'fetch':
      void fetch(message)
      return
    case 'upload':
      void upload(message)
      return
    case 'piece':
      pieces.get(message.id)?.(message)
      return
    case 'end':
      telemetry.end()
      isBusy = false
      ringing = undefined
      tidying.idle()
      return
    case 'close':
      void close()
  }
})

/** An outage is waited out: a training would rather pause than lose what it saves. */
async function lasting<T>(work: () => Promise<T>, isWaitedFor: (error: unknown) => boolean = passes): Promise<T> {
  for (let left = 60; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      if (left === 0 || !isWaitedFor(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

/** The trial is with another worker by now: that is no fault of this attempt, which goes on to its end all the same. */
function passedOn(error: unknown): boolean {
  if (!isRefused(error) && codeOf(error) !== 'ARTIFACT_REFUSED') return false
  onNotice(`not saved: ${describe(error)}`)
  return true
}

async function store({ id, attempt, data }: Extract<ToComm, { type: 'store' }>): Promise<void> {
  try {
    await lasting(() => storeCheckpoint(bus, worker, { attempt, ring: false }, data))
    // The training waits for its answer, and takes no step beyond what is kept.
    if (going === attemptKey(attempt)) return telemetry.kept()
    post({ type: 'stored', id })
  } catch (error) {
    if (passedOn(error)) post({ type: 'stored', id })
    else post({ type: 'stored', id, problem: toProblem(error) })
  }
}

/** So often a driver that refuses is asked again. */
const mostRefusals = 5

async function fetch({ id, attempt, of }: Extract<ToComm, { type: 'fetch' }>): Promise<void> {
  let refusals = 0
  const isWaitedFor = (error: unknown): boolean => passes(error) || (isRefused(error) && ++refusals <= mostRefusals)
  try {
    const data = await lasting(() => fetchCheckpoint(bus, worker, { attempt, ring: false }, of), isWaitedFor)
    post({ type: 'fetched', id, data })
  } catch (error) {
    if (passedOn(error)) post({ type: 'fetched', id })
    else post({ type: 'fetched', id, problem: toProblem(error) })
  }
}

async function upload({ id, attempt, name, kind, bytes }: Extract<ToComm, { type: 'upload' }>): Promise<void> {
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      pieces.set(id, ({ data, problem }) => {
        pieces.delete(id)
        if (data !== undefined) resolve(data)
        else reject(new RemoteError(problem ?? toProblem(undefined)))
      })
      post({ type: 'wanted', id, offset, length })
    })
  try {
    await uploadArtifact(bus, worker, { attempt, name, kind, bytes, read }, lasting)
    post({ type: 'uploaded', id })
  } catch (error) {
    if (passedOn(error)) post({ type: 'uploaded', id })
    else post({ type: 'uploaded', id, problem: toProblem(error) })
  }
}

async function flush(): Promise<void> {
  await telemetry.flushed()
  post({ type: 'flushed' })
}

async function close(): Promise<void> {
  member?.close()
  await telemetry.close()
  await bus.close()
  post({ type: 'closed' })
}

post({ type: 'connected' })
