import { TestClock } from '../support/clock.ts'
import { expect, test } from 'vitest'
import { codeOf, problem, toProblem } from '../../protocol/index.ts'
import {
  connectPatiently,
  createLogger,
  droppedLog,
  every,
  newId,
  prettyLine,
  type Logger,
} from '../../src/actor/index.ts'
import { createMemoryNetwork } from '../../src/bus/index.ts'

function logTo(lines: string[], pretty = false): Logger {
  return createLogger({ actor: 'driver', id: 'd1', level: 'info', pretty, write: (line) => lines.push(line) })
}

test('every beats on the clock until it is told to end', () => {
  const clock = new TestClock()
  let beats = 0
  const end = every(clock, 1_000, () => (beats += 1))
  for (let i = 0; i < 5; i += 1) clock.increment(500)
  expect(beats).toBe(2)
  end()
  clock.increment(10_000)
  expect(beats).toBe(2)
})

test('every may be ended out of its own beat', () => {
  const clock = new TestClock()
  let beats = 0
  const end = every(clock, 10, () => {
    beats += 1
    end()
  })
  for (let i = 0; i < 5; i += 1) clock.increment(10)
  expect(beats).toBe(1)
})

test('ids can stand in a subject and differ', () => {
  const ids = new Set(Array.from({ length: 1000 }, () => newId('w')))
  expect(ids.size).toBe(1000)
  for (const id of ids) expect(id).toMatch(/^w-[a-z2-7]{8}$/)
})

test('a flood of dropped messages is counted, and logged once a second', () => {
  const clock = new TestClock()
  const lines: string[] = []
  const { onDropped, count } = droppedLog(clock, logTo(lines))
  const reason = toProblem(problem('MESSAGE_MALFORMED', { subject: 'x', reason: 'y' }))
  for (let i = 0; i < 1000; i += 1) onDropped('x', reason)
  clock.increment(1_000)
  onDropped('x', reason)
  expect(count()).toBe(1001)
  expect(lines.map((line) => (JSON.parse(line) as { dropped: number }).dropped)).toEqual([1, 1000])
})

test('a line for people is short and says who, what and how bad', () => {
  const lines: string[] = []
  const logger = logTo(lines, true)
  logger.info({ trial: 3 }, 'assigned')
  logger.error({ code: 'WORKER_LOST' }, 'gone')
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d driver d1: assigned trial=3\n$/)
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d driver d1: error: gone code=WORKER_LOST\n$/)
  expect(prettyLine('{"level":30,"time":0,"msg":"m","actor":"a","id":"i"}')).toBe('00:00:00 a i: m\n')
})

async function patience(
  fails: number,
  code: 'BUS_UNREACHABLE' | 'TOKEN_FILE_MISSING' | 'BUS_UNAUTHORIZED',
  timeoutMs: number,
) {
  const clock = new TestClock()
  const lines: string[] = []
  const network = createMemoryNetwork()
  let tries = 0
  const connecting = connectPatiently(
    async () => {
      tries += 1
      if (tries <= fails) throw problem(code, { server: 's', reason: 'r', file: 'f' })
      return network.connect()
    },
    { clock, logger: logTo(lines), timeoutMs, aborted: () => false },
  ).then((bus) => bus.status, codeOf)
  for (let i = 0; i < 20; i += 1) {
    await network.settled()
    clock.increment(500)
  }
  return { outcome: await connecting, tries, said: lines.length }
}

test.each(['BUS_UNREACHABLE', 'TOKEN_FILE_MISSING'] as const)(
  'the first connection is tried again while nobody is there (%s), and that is said once',
  async (code) => {
    expect(await patience(5, code, 5_000)).toEqual({ outcome: 'connected', tries: 6, said: 1 })
  },
)

test('the first connection is given up when its time is over', async () => {
  expect(await patience(99, 'BUS_UNREACHABLE', 2_000)).toEqual({ outcome: 'BUS_UNREACHABLE', tries: 5, said: 1 })
})

test('what waiting does not mend is not waited for', async () => {
  expect(await patience(99, 'BUS_UNAUTHORIZED', 5_000)).toEqual({ outcome: 'BUS_UNAUTHORIZED', tries: 1, said: 0 })
})
