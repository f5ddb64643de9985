import { describe, expect, it } from 'vitest'
import { problem } from '../../protocol/index.ts'
import type { BusStatus } from '../../src/bus/index.ts'
import { createRecorder } from '../../src/bus/nats-recorder.ts'

function setUp() {
  const said: string[] = []
  let tell: (status: BusStatus) => void = () => {}
  let time = 0
  let fault: Error | undefined
  const record = createRecorder(
    {
      onStatus: (listener) => {
        tell = listener
        return () => {}
      },
    },
    async ({ id }) => {
      await Promise.resolve()
      said.push(id)
      if (fault !== undefined) throw fault
    },
    () => time,
  )
  const send = (id: string, size = 1) => record({ subject: 's', data: new Uint8Array(size), id, timeoutMs: 100 })
  const outage = () => {
    tell('disconnected')
    said.splice(0)
    tell('connected')
  }
  return { said, send, outage, pass: (ms: number) => (time += ms), fail: (error?: Error) => (fault = error) }
}

describe('records that may not be on the disk yet', () => {
  it('are said again after an outage, in their order and before what comes new', async () => {
    const { said, send, outage } = setUp()
    await send('a')
    await send('b')
    outage()
    await send('c')
    expect(said).toEqual(['a', 'b', 'c'])
  })

  it('are forgotten once they are surely written', async () => {
    const { said, send, outage, pass } = setUp()
    await send('a')
    pass(20_000)
    await send('b')
    outage()
    await send('c')
    expect(said).toEqual(['b', 'c'])
  })

  it('are bounded by their bytes', async () => {
    const { said, send, outage } = setUp()
    await send('a', 10 * 2 ** 20)
    await send('b', 10 * 2 ** 20)
    outage()
    await send('c')
    expect(said).toEqual(['b', 'c'])
  })

  it('are not among them if they were not acknowledged: whoever recorded them says them again', async () => {
    const { said, send, outage, fail } = setUp()
    fail(problem('BUS_DISCONNECTED', { server: 'here' }))
    await expect(send('a')).rejects.toMatchObject({ code: 'BUS_DISCONNECTED' })
    fail()
    outage()
    await send('b')
    expect(said).toEqual(['b'])
  })

  it('are left for the next outage when the bus is gone again meanwhile', async () => {
    const { said, send, outage, fail } = setUp()
    await send('a')
    await send('b')
    fail(problem('BUS_DISCONNECTED', { server: 'here' }))
    outage()
    await expect(send('c')).rejects.toMatchObject({ code: 'BUS_DISCONNECTED' })
    expect(said).toEqual(['a', 'c'])
    fail()
    outage()
    await send('c')
    expect(said).toEqual(['a', 'b', 'c'])
  })
})
