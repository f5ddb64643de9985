import { expect, test } from 'vitest'
import { mapped } from '../../src/bus/nats-client.ts'

test('what the client says of a connection that went away is an outage, and no refusal', () => {
  const error = Object.assign(new Error('DISCONNECT'), { code: 'DISCONNECT' })
  expect(mapped(error, 'flush', 0, 'nats://127.0.0.1:4222')).toMatchObject({
    code: 'BUS_DISCONNECTED',
    retryable: true,
  })
})

test('what has no code of ours is a refusal that names the subject', () => {
  expect(mapped(new Error('no'), 'some.subject', 0, 'server')).toMatchObject({ code: 'BUS_REFUSED' })
})
