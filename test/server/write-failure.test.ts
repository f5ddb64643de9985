import { expect, test } from 'vitest'
import { hasRoom, writeFailureIn } from '../../src/server/write-failure.ts'

test('a line of nats-server that says that a stream cannot be written is told from those that say less', () => {
  const line = (text: string) => writeFailureIn(`[1] 2026/11/25 20:37:57.280611 [ERR] ${text}`)
  expect(line('Filestore [MAGGY_LOG] Critical write error: write /x/msgs/2.blk: no space left on device')).toEqual({
    reason: 'write /x/msgs/2.blk: no space left on device',
    full: true,
  })
  expect(line("JetStream stream '$G > MAGGY_LOG' critical write error: write /x: input/output error")).toEqual({
    reason: 'write /x: input/output error',
    full: false,
  })
  // A stream that is as large as it may be is no fault of the disk, and no start anew helps.
  expect(line("JetStream failed to store a msg on stream '$G > MAGGY_LOG': maximum bytes exceeded")).toBeUndefined()
})

test('the disk of this folder has room', async () => {
  expect(await hasRoom('.')).toBe(true)
})
