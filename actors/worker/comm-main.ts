/** The second thread of a runner: a connection of its own, so that a training loop that blocks the first still speaks and hears. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../src/actor/index.ts'
import { connectNats, type Bus } from '../../src/bus/index.ts'
import { isProblem } from '../../protocol/index.ts'
import { createCheckpoints } from './checkpoints.ts'
import type { CommSetting, FromComm, ToComm } from './comm-messages.ts'
import { createRingMember, type RingMember } from './ring-member.ts'
import { sharedFlags } from './shared-memory.ts'
import { createTelemetry } from './telemetry.ts'

const { memory, server, token, worker, slot } = workerData as CommSetting
const port = parentPort
if (port === null) throw new Error('this is the second thread of a runner')

async function connect(): Promise<Bus> {
  for (;;) {
    try {
      return await connectNats({ server, ...(token === undefined ? {} : { token }), name: `${worker} runner ${slot}` })
    } catch (error) {
      if (!isProblem(error, 'BUS_UNREACHABLE')) throw error
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

const onNotice = (text: string): void => {
  process.stderr.write(`${text}\n`)
}
const bus = await connect()
const telemetry = createTelemetry({
  bus,
  clock: systemClock,
  worker,
  slot,
  pid: process.pid,
  flags: sharedFlags(memory),
  onNotice,
})
const checkpoints = createCheckpoints(bus, onNotice)
let member: RingMember | undefined
// A first thread that is blocked does not see that its worker is gone, and a ring would wait for it.
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, 100).unref()

const post = (message: FromComm): void => {
  port.postMessage(message)
}

port.on('message', (message: ToComm) => {
  switch (message.type) {
    case 'begin':
      telemetry.begin(message.attempt)
      return
    case 'point':
      telemetry.point(message.point)
      return
    case 'line':
      telemetry.line(message.from, message.text)
      return
    case 'ring': {
      const { ring, seat, line } = message
      // One that is done may still linger for the others' sake; it closes by itself.
      member = createRingMember({ bus, clock: systemClock, worker, slot, ring, seat, line, checkpoints })
      return
    }
    case 'flush':
      void flush()
      return
    case 'end':
      telemetry.end()
      return
    case 'close':
      void close()
  }
})

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
