import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  codeOf,
  conversations,
  decode,
  encode,
  lease,
  leave,
  problem,
  subjectFor,
  type Problem,
} from '../../protocol/index.ts'
import {
  answer,
  ask,
  createMemoryNetwork,
  hear,
  tell,
  type Bus,
  type Fault,
  type MemoryNetwork,
} from '../../src/bus/index.ts'

const timeoutMs = 1_000
const params = { worker: 'w1' }
const payload = { driver: 'd1', slot: 0 }
const reply = { slot: 0, status: { slot: 0, driver: 'd1', running: null, next: null } }
const subject = subjectFor(lease, params)

let network: MemoryNetwork
let a: Bus
let b: Bus
let faults: Fault[]
let dropped: { subject: string; reason: Problem }[]
const onDropped = (of: string, reason: Problem): void => void dropped.push({ subject: of, reason })

beforeEach(() => {
  faults = []
  dropped = []
  network = createMemoryNetwork({ onFault: (fault) => faults.push(fault) })
  a = network.connect('a')
  b = network.connect('b')
})

/** What comes back for raw bytes. */
async function rawAnswer(data: Uint8Array, to = subject): Promise<{ ok?: unknown; error?: Problem }> {
  return decode(await a.request(to, data, { timeoutMs })) as { ok?: unknown; error?: Problem }
}

describe('a call', () => {
  test('is answered with the checked reply, and its parameters are told', async () => {
    const heard: unknown[] = []
    answer(b, lease, { worker: '*' }, (given, from) => {
      heard.push(given, from)
      return reply
    })
    expect(await ask(a, lease, params, payload, { timeoutMs })).toEqual(reply)
    expect(heard).toEqual([payload, params])
  })

  test('is answered with the code that the handler threw', async () => {
    answer(b, lease, params, async () => {
      throw problem('SLOT_TAKEN', { slot: 0, worker: 'w1', holder: 'd2' })
    })
    const error = await ask(a, lease, params, payload, { timeoutMs }).catch((e: unknown) => e)
    expect(codeOf(error)).toBe('SLOT_TAKEN')
    expect(String(error)).toContain('d2')
  })

  test('is answered with INTERNAL where the handler threw what it should not, without its stack', async () => {
    answer(b, lease, params, () => {
      throw new TypeError('oops')
    })
    const { error } = await rawAnswer(encode(payload))
    expect(error).toMatchObject({ code: 'INTERNAL' })
    expect(error).not.toHaveProperty('stack')
  })

  test('that cannot be decoded, or does not fit, or is of another version, is answered with why', async () => {
    let calls = 0
    answer(b, lease, params, () => {
      calls += 1
      return reply
    })
    expect((await rawAnswer(new Uint8Array([0x81]))).error).toMatchObject({ code: 'MESSAGE_MALFORMED' })
    expect((await rawAnswer(new Uint8Array())).error).toMatchObject({ code: 'MESSAGE_MALFORMED' })
    const invalid = await rawAnswer(encode({ driver: 'd1', slot: -1 }))
    expect(invalid.error).toMatchObject({ code: 'MESSAGE_INVALID' })
    expect(invalid.error?.message).toContain('/slot')
    const other = await rawAnswer(encode(payload), subject.replace('.v1.', '.v2.'))
    expect(other.error).toMatchObject({ code: 'VERSION_UNSUPPORTED' })
    expect(calls).toBe(0)
  })

  test('whose reply does not fit its schema fails on the side that made it', async () => {
    answer(b, lease, params, () => ({ slot: 'none' }) as unknown as typeof reply)
    expect(await ask(a, lease, params, payload, { timeoutMs }).catch(codeOf)).toBe('ANSWER_INVALID')
  })

  test('that a foreign peer answers with rubbish fails with a code', async () => {
    const large = new Uint8Array(65 * 1024).fill(0xc1)
    const rubbish = [
      large,
      new Uint8Array([0x81]),
      encode({ yes: 1 }),
      encode({ ok: { slot: 'x' } }),
      encode({ error: 'no' }),
    ]
    for (const data of rubbish) {
      const subscription = b.subscribe(subject, (delivery) => {
        delivery.respond(data)
      })
      const code = await ask(a, lease, params, payload, { timeoutMs }).catch(codeOf)
      expect(code).toBe('ANSWER_INVALID')
      subscription.unsubscribe()
    }
  })

  test('that is not valid is refused before it is sent', async () => {
    expect(await ask(a, lease, params, { driver: 'd 1', slot: 0 }, { timeoutMs }).catch(codeOf)).toBe('MESSAGE_INVALID')
    expect(await ask(a, lease, { worker: 'a.b' }, payload, { timeoutMs }).catch(codeOf)).toBe('MESSAGE_INVALID')
  })

  test('to which nobody listens says so', async () => {
    expect(await ask(a, lease, params, payload, { timeoutMs }).catch(codeOf)).toBe('BUS_NO_RESPONDERS')
  })

  test('for whose answer nobody waits is dropped and counted when it fails', async () => {
    answer(b, lease, params, () => reply, { onDropped })
    a.publish(subject, new Uint8Array([0x81]))
    await network.settled()
    expect(dropped.map(({ reason }) => reason.code)).toEqual(['MESSAGE_MALFORMED'])
  })

  test('is heard by one of a queue group', async () => {
    const heard: string[] = []
    for (const name of ['x', 'y']) {
      answer(
        b,
        lease,
        params,
        () => {
          heard.push(name)
          return reply
        },
        { queue: 'q' },
      )
    }
    for (let i = 0; i < 4; i += 1) await ask(a, lease, params, payload, { timeoutMs })
    expect(heard.toSorted()).toEqual(['x', 'x', 'y', 'y'])
  })
})

describe('a message', () => {
  test('is heard with its parameters; what is wrong with others is counted', async () => {
    const heard: unknown[] = []
    hear(b, leave, { worker: '*' }, (given, from) => void heard.push([given, from]), { onDropped })
    expect(tell(a, leave, params, { reason: 'SIGTERM' })).toBe('sent')
    const to = subjectFor(leave, params)
    a.publish(to, new Uint8Array([0x81]))
    a.publish(to, encode({ reason: 5 }))
    a.publish(to.replace('.v1.', '.v9.'), encode({ reason: 'x' }))
    await network.settled()
    expect(heard).toEqual([[{ reason: 'SIGTERM' }, params]])
    expect(dropped.map(({ reason }) => reason.code)).toEqual([
      'MESSAGE_MALFORMED',
      'MESSAGE_INVALID',
      'VERSION_UNSUPPORTED',
    ])
  })

  test('whose handler throws ends nothing: the next one is heard', async () => {
    let calls = 0
    hear(b, leave, params, () => {
      calls += 1
      throw new Error('oops')
    })
    tell(a, leave, params, { reason: '1' })
    tell(a, leave, params, { reason: '2' })
    await network.settled()
    expect(calls).toBe(2)
    expect(faults.map((fault) => fault.problem.code)).toEqual(['INTERNAL', 'INTERNAL'])
  })

  test('is void in an outage', () => {
    network.outage()
    expect(tell(a, leave, params, { reason: 'x' })).toBe('void')
  })
})

test('no bytes on any subject end anything: calls are answered with a code, messages are dropped', async () => {
  for (const conversation of conversations) {
    const { example } = conversation
    if (conversation.kind === 'call') answer(b, conversation, example.params, () => example.reply as never)
    else hear(b, conversation, example.params, () => {}, { onDropped })
  }
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...conversations),
      fc.uint8Array({ maxLength: 64 }),
      async (conversation, data) => {
        const to = subjectFor(conversation, conversation.example.params)
        if (conversation.kind === 'message') {
          a.publish(to, data)
          await network.settled()
          return
        }
        const { error, ok } = await rawAnswer(data, to)
        expect(ok !== undefined || ['MESSAGE_MALFORMED', 'MESSAGE_INVALID'].includes(error?.code ?? '')).toBe(true)
      },
    ),
    { numRuns: 500 },
  )
  expect(faults).toEqual([])
})
