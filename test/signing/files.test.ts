import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { codeOf } from '../../protocol/index.ts'
import { TestClock } from '../support/clock.ts'
import {
  findSigningKey,
  followTrust,
  newSigningKey,
  readSigningKey,
  readTrust,
  trustLine,
} from '../../src/signing/index.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-keys-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const refused = async (work: Promise<unknown>) =>
  await work.then(
    () => 'nothing',
    (error: unknown) => `${codeOf(error)} ${String(error)}`,
  )

test('a new key is its owner’s alone, is read again, and is never written over', async () => {
  const file = join(folder, 'sub', 'sign.key')
  const { key } = await newSigningKey(file)
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
  expect(((await stat(join(folder, 'sub'))).mode & 0o777).toString(8)).toBe('700')
  expect((await readSigningKey(file)).key).toBe(key)
  const before = await readFile(file, 'utf8')
  expect(await refused(newSigningKey(file))).toMatch(/^KEY_REFUSED .*already/)
  expect(await readFile(file, 'utf8')).toBe(before)
})

test.each(['0644', '0640', '0604', '0620', '0666'])(
  'a key file with mode %s is refused, with the remedy',
  async (mode) => {
    const file = join(folder, 'sign.key')
    await newSigningKey(file)
    await chmod(file, Number.parseInt(mode, 8))
    const error = await readSigningKey(file).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'KEY_REFUSED', message: expect.stringContaining(mode) as unknown })
    expect((error as { remedy: string }).remedy).toContain(`chmod 600 ${file}`)
  },
)

test('a file that is no key is refused, and nothing of it is said', async () => {
  const file = join(folder, 'sign.key')
  await writeFile(file, 'a secret of another kind', { mode: 0o600 })
  const said = await refused(readSigningKey(file))
  expect(said).toMatch(/^KEY_REFUSED/)
  expect(said).not.toContain('another kind')
  expect(await refused(readSigningKey(folder))).toMatch(/^KEY_REFUSED .*no regular file/)
  expect(await refused(readSigningKey(join(folder, 'none')))).toMatch(/^KEY_REFUSED .*not there/)
})

test('the key that nobody names is the user’s own, if there is one', async () => {
  const environment = { XDG_CONFIG_HOME: folder }
  expect(await findSigningKey(undefined, environment)).toBeUndefined()
  const { key } = await newSigningKey(join(folder, 'maggy', 'sign.key'))
  expect((await findSigningKey(undefined, environment))?.key).toBe(key)
  await chmod(join(folder, 'maggy', 'sign.key'), 0o644)
  expect(await refused(findSigningKey(undefined, environment))).toMatch(/^KEY_REFUSED/)
  const other = await newSigningKey(join(folder, 'other.key'))
  expect((await findSigningKey(undefined, { ...environment, MAGGY_SIGN_KEY: join(folder, 'other.key') }))?.key).toBe(
    other.key,
  )
  expect(await refused(findSigningKey(join(folder, 'gone'), environment))).toMatch(/^KEY_REFUSED .*not there/)
})

test('a file of trusted keys has a line for each, with names and comments', async () => {
  const file = join(folder, 'trust')
  const one = await newSigningKey(join(folder, 'a'))
  const two = await newSigningKey(join(folder, 'b'))
  await writeFile(file, `# ours\n${trustLine(one, 'alice')}\n\n  ${two.key}   bob at home \r\n`)
  expect([...(await readTrust(file))]).toEqual([
    [one.key, 'alice'],
    [two.key, 'bob at home'],
  ])
  // As Kubernetes brings files.
  await symlink(file, join(folder, 'linked'))
  expect((await readTrust(join(folder, 'linked'))).size).toBe(2)
})

test('a file of trusted keys is followed: what is in it now counts, and nobody is trusted while it is refused', async () => {
  const file = join(folder, 'followed')
  const [one, two] = await Promise.all(['a', 'b'].map((name) => newSigningKey(join(folder, name))))
  const clock = new TestClock()
  await writeFile(file, trustLine(one!, 'alice'))
  const trust = new Map(await readTrust(file))
  let heard: (refusal: string | undefined) => void = () => undefined
  let changes = 0
  const stop = followTrust(file, trust, {
    clock,
    onChange: (refusal) => {
      changes += 1
      heard(refusal)
    },
  })
  /** What is said once the file has been looked at. */
  const looked = () => {
    const said = new Promise<string | undefined>((resolve) => {
      heard = resolve
    })
    clock.increment(2_000)
    return said
  }
  await writeFile(file, `${trustLine(one!, 'alice')}\n${trustLine(two!, 'bob')}`)
  expect(await looked()).toBeUndefined()
  expect([...trust.values()]).toEqual(['alice', 'bob'])
  await writeFile(file, trustLine(two!, 'bob'))
  expect(await looked()).toBeUndefined()
  expect([...trust.keys()]).toEqual([two!.key])
  await chmod(file, 0o666)
  expect(await looked()).toContain('others may write it')
  expect(trust.size).toBe(0)
  await chmod(file, 0o600)
  expect(await looked()).toBeUndefined()
  await rm(file)
  expect(await looked()).toContain('not there')
  expect([trust.size, changes]).toEqual([0, 5])
  stop()
})

test('a file of trusted keys that others may write is refused, and so is one that trusts nobody or cannot be read', async () => {
  const file = join(folder, 'trust')
  const { key } = await newSigningKey(join(folder, 'a'))
  await writeFile(file, `${key} alice\n`)
  for (const mode of [0o646, 0o664, 0o666]) {
    await chmod(file, mode)
    expect(await refused(readTrust(file))).toMatch(/^TRUST_REFUSED .*others may write it/)
  }
  await chmod(file, 0o644)
  await writeFile(file, '# nobody\n')
  expect(await refused(readTrust(file))).toMatch(/^TRUST_REFUSED .*names no key/)
  await writeFile(file, `${key} alice\nssh-ed25519 AAAA bob\n`)
  expect(await refused(readTrust(file))).toMatch(/^TRUST_REFUSED .*line 2/)
  expect(await refused(readTrust(join(folder, 'none')))).toMatch(/^TRUST_REFUSED .*not there/)
})
