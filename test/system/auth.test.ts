/** A server under an authority: each role may do what the table says, and each bypass that was once found is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chmod, copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../protocol/index.ts'
import { checkServer, mainTenant, pushAccounts } from '../../src/auth/index.ts'
import { accessTo } from '../../src/access/index.ts'
import { connectNats } from '../../src/bus/index.ts'
import { attacks, controls } from '../support/attacks.ts'
import { startTestServer } from '../support/server.ts'
import { startSecured, type Secured } from '../support/secured.ts'

let secured: Secured
beforeAll(async () => {
  secured = await startSecured()
  const driver = await secured.connect('driver', 'd')
  await driver.streams.ensure()
})
afterAll(() => secured.stop())

test('the matrix of roles and actions is as the table says', async () => {
  const findings = await checkServer(secured.authority, mainTenant, { server: secured.server.url })
  expect(new Set(findings.map(({ action }) => action)).size).toBeGreaterThanOrEqual(60)
  expect(findings.filter(({ isAllowed, mayBe }) => isAllowed !== mayBe)).toEqual([])
  // Nothing is kept of what was tried.
  const driver = await secured.connect('driver', 'd')
  expect(await driver.streams.subjects('log', 'maggy.v1.log.e')).toEqual([])
})

describe('an attack', () => {
  for (const { name, run } of attacks) {
    test(`is refused: ${name}`, async () => {
      expect(await run(secured)).toBe(false)
    })
  }
})

describe('what a driver may do', () => {
  for (const { name, run } of controls) {
    test(`comes through: ${name}`, async () => {
      expect(await run(secured)).toBe(true)
    })
  }
})

test('tenants see nothing of each other', async () => {
  await secured.authority.addTenant('other')
  await pushAccounts(secured.authority, ['other'], { server: secured.server.url })
  const [mine, theirs] = [await secured.connect('driver', 'd'), await secured.connect('driver', 'd', 'other')]
  await theirs.streams.ensure()
  await mine.streams.append('maggy.v1.log.mine', new Uint8Array([1]), { expectedLast: 0 })
  await mine.blobs.put('maggy-bundles', 'mine', new Uint8Array([1]))
  const heard: string[] = []
  theirs.subscribe('maggy.*.worker.*.beat', ({ subject }) => void heard.push(subject))
  await theirs.flush()
  mine.publish('maggy.v1.driver.d.beat', new Uint8Array([1]))
  const worker = await secured.connect('worker', 'w-mine')
  worker.publish('maggy.v1.worker.w-mine.beat', new Uint8Array([1]))
  await worker.flush()
  await theirs.flush()
  expect(heard).toEqual([])
  expect(await theirs.streams.subjects('log', 'maggy.v1.log.*')).toEqual([])
  expect(await theirs.blobs.has('maggy-bundles', 'mine')).toBe(false)
})

test('a tenant has as much room and as many connections as it was given, and is told what is the matter', async () => {
  const tenant = 'small'
  await secured.authority.addTenant(tenant, { connections: 2, diskBytes: 1e6 })
  const tell = () => pushAccounts(secured.authority, [tenant], { server: secured.server.url })
  await tell()
  const driver = await secured.connect('driver', 'd', tenant)
  const ensured = () => driver.streams.ensure().then(() => 'there', codeOf)
  expect(await ensured()).toBe('BUS_FULL')
  expect(await secured.authority.limit(tenant, { diskBytes: 4e8 })).toEqual({ connections: 2, diskBytes: 4e8 })
  await tell()
  expect(await ensured()).toBe('there')
  await secured.connect('client', 'one', tenant)
  const third = () => secured.connect('client', 'two', tenant).then(() => 'connected', String)
  expect(await third()).toContain('maggy auth limit TENANT --connections N')
  await secured.authority.limit(tenant, { connections: 3 })
  await tell()
  expect(await third()).toBe('connected')
})

test('credentials that are revoked are put out at once and have a code of their own', async () => {
  const file = await secured.creds('client', 'gone')
  const bus = await secured.connect('client', 'gone')
  const out = new Promise<void>((resolve) => {
    bus.onStatus((status) => {
      if (status === 'disconnected') resolve()
    })
  })
  await secured.authority.revoke('gone', mainTenant)
  await pushAccounts(secured.authority, [mainTenant], { server: secured.server.url })
  await out
  await bus.close()
  const again = connectNats({ server: secured.server.url, ...accessTo({ creds: file }, ['client']) })
  expect(await again.then(() => 'connected', codeOf)).toBe('BUS_CREDENTIALS_REVOKED')
})

test('a rotation takes the old credentials until it is finished', async () => {
  const tenant = 'rotated'
  await secured.authority.addTenant(tenant)
  const old = await secured.creds('client', 'c', tenant)
  const { server } = secured
  const before = accessTo({ creds: old }, ['client'])
  const tell = () => pushAccounts(secured.authority, [tenant], { server: server.url })
  const works = async (access: ReturnType<typeof accessTo>) => {
    try {
      const bus = await connectNats({ server: server.url, ...access })
      await bus.close()
      return true
    } catch (error) {
      return codeOf(error)
    }
  }
  await tell()
  // The file is written anew; what was read before is kept here.
  const { credentials } = before
  const kept = { ...before, user: () => ({ jwt: credentials?.jwt ?? '', seed: credentials?.seed ?? '' }) }
  const [fresh = ''] = await secured.authority.rotate(tenant, 1)
  await tell()
  expect([await works(kept), await works(accessTo({ creds: fresh }, ['client']))]).toEqual([true, true])
  await secured.authority.finishRotation(tenant)
  await tell()
  expect([await works(kept), await works(accessTo({ creds: fresh }, ['client']))]).toEqual([
    'BUS_CREDENTIALS_REVOKED',
    true,
  ])
})

describe('credentials', () => {
  const codeFrom = async (work: () => unknown): Promise<unknown> => {
    try {
      await work()
      return 'taken'
    } catch (error) {
      return codeOf(error)
    }
  }

  test('that have expired have a code of their own, before the server is asked', async () => {
    const { text } = await secured.authority.mint('client', 'late', { tenant: mainTenant, days: -1 })
    const file = join(secured.folder, 'late.creds')
    await writeFile(file, text, { mode: 0o600 })
    expect(await codeFrom(() => accessTo({ creds: file }, ['client']))).toBe('BUS_CREDENTIALS_EXPIRED')
  })

  test('that others may read, that are no credentials, or that are for another role are not used', async () => {
    const file = join(secured.folder, 'open.creds')
    await copyFile(await secured.creds('client', 'open'), file)
    await chmod(file, 0o644)
    expect(await codeFrom(() => accessTo({ creds: file }, ['client']))).toBe('CREDENTIALS_INVALID')
    await chmod(file, 0o600)
    expect(await codeFrom(() => accessTo({ creds: file }, ['client']))).toBe('taken')
    expect(await codeFrom(() => accessTo({ creds: file }, ['worker']))).toBe('IDENTITY_DIFFERS')
    await writeFile(file, 'nothing')
    expect(await codeFrom(() => accessTo({ creds: file }, ['client']))).toBe('CREDENTIALS_INVALID')
    expect(await codeFrom(() => accessTo({ creds: join(secured.folder, 'none') }, ['client']))).toBe(
      'CREDENTIALS_INVALID',
    )
  })

  test('are shown to no server that cannot prove who it is', async () => {
    const { server } = secured
    const { tls: _, ...unproved } = accessTo({ creds: await secured.creds('client', 'careful') }, ['client'])
    expect(await codeFrom(() => connectNats({ server: server.url, ...unproved }))).toBe('BUS_TLS_REFUSED')
  })

  test('and tokens in files are shown to no server that asks for nothing, and to no other than last time', async () => {
    const known = join(secured.folder, 'known.json')
    const token = join(secured.folder, 'token')
    await writeFile(token, 't\n', { mode: 0o600 })
    process.env['MAGGY_KNOWN_SERVERS'] = known
    const open = await startTestServer({ jetstream: false })
    const asking = await startTestServer({ jetstream: false, token: 't', name: 'first' })
    try {
      const access = accessTo({ tokenFile: token }, ['client'])
      const come = (port: number) =>
        codeFrom(async () => (await connectNats({ server: `127.0.0.1:${port}`, ...access })).close())
      expect(await come(open.port)).toBe('BUS_CREDENTIALS_UNUSED')
      expect([await come(asking.port), await come(asking.port)]).toEqual(['taken', 'taken'])
      await asking.stop()
      const other = await startTestServer({ jetstream: false, token: 't', name: 'second', port: asking.port })
      expect(await come(asking.port)).toBe('BUS_SERVER_CHANGED')
      await other.stop()
    } finally {
      process.env['MAGGY_KNOWN_SERVERS'] = ''
      await open.stop()
    }
  })
})
