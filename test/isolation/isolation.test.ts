import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { confine, describeMeasure } from '../../src/isolation/index.ts'
import { bwrapFiles, mountScript, quoted, type Host } from '../../src/isolation/files.ts'
import { openGates, planNetwork, serveBus, type NetworkPlan } from '../../src/isolation/network.ts'
import { findTool } from '../../src/isolation/tool.ts'
import { findLimits } from '../../src/isolation/limits.ts'

const folders = new Set([
  '/tmp',
  '/run',
  '/home/u',
  '/home/u/.ssh',
  '/home/u/.config/maggy',
  '/srv/maggy',
  '/tmp/cache',
])
const files = new Set(['/etc/resolv.conf', '/run/resolve/resolv.conf', '/srv/maggy/worker.creds'])
const host: Host = {
  kindOf: (path) => (folders.has(path) ? 'folder' : files.has(path) ? 'file' : undefined),
  realPath: (path) => (path === '/etc/resolv.conf' ? '/run/resolve/resolv.conf' : path),
}
const given = {
  needs: ['/srv/maggy', '/tmp/cache'],
  hides: ['/home/u/.config/maggy', '/home/u/.ssh', '/home/u/.aws', '/srv/maggy/worker.creds'],
  home: '/home/u',
}

test('bwrap: all is read-only, temporary folders and secrets are empty, and what is needed is seen all the same', () => {
  const words = bwrapFiles(given, host).join(' ')
  expect(words).toMatch(/^--ro-bind \/ \/ /)
  for (const path of ['/tmp', '/run', '/home/u/.ssh', '/home/u/.config/maggy'])
    expect(words).toContain(`--tmpfs ${path}`)
  expect(words).not.toContain('.aws')
  // After what covers it.
  expect(words.indexOf('--ro-bind /tmp/cache /tmp/cache')).toBeGreaterThan(words.indexOf('--tmpfs /tmp'))
  expect(words).toContain('--ro-bind /run/resolve/resolv.conf /run/resolve/resolv.conf')
  // A file within what is needed is hidden all the same.
  expect(words).toMatch(/--ro-bind \/dev\/null \/srv\/maggy\/worker\.creds$/)
})

test('mount: the home is read-only; a temporary folder with something needed in it stays', () => {
  const { script, own } = mountScript(given, host)
  expect(script).toContain("mount -o remount,bind,ro '/home/u'")
  expect(script).toContain("tmpfs '/home/u/.ssh'")
  expect(own).toEqual([])
  expect(mountScript({ ...given, needs: ['/srv/maggy'] }, host).own).toEqual(['/tmp'])
  expect(quoted("it's")).toBe("'it'\\''s'")
})

test('the way to the bus keeps its name and its credentials; a number is another one there', () => {
  const plan = planNetwork('nats://TOKEN@bus.example:4222,10.0.0.7', false) as NetworkPlan
  expect(plan.server).toBe('nats://TOKEN@bus.example:4222,nats://127.0.0.3:4222')
  expect(plan.targets).toEqual([
    { host: 'bus.example', port: 4222, address: '127.0.0.2' },
    { host: '10.0.0.7', port: 4222, address: '127.0.0.3' },
  ])
  expect(plan.hosts(undefined)).toBe('127.0.0.2 bus.example\n')
  expect(planNetwork('tls://bus.example', false)).toMatchObject({ server: 'tls://bus.example:4222' })
  expect(planNetwork('tls://10.0.0.7', false)).toContain('named by a number')
  expect(planNetwork('10.0.0.7', true)).toContain('named by a number')
  expect(planNetwork('bus.example:222', false)).toContain('only root')
})

test('the hosts file says nothing else of the bus', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-hosts-'))
  await writeFile(join(folder, 'hosts'), '127.0.0.1 localhost\n10.1.1.1 bus.example alias\n')
  const plan = planNetwork('bus.example', false) as NetworkPlan
  expect(plan.hosts(join(folder, 'hosts'))).toBe('127.0.0.2 bus.example\n127.0.0.1 localhost\n')
  await rm(folder, { recursive: true })
})

test('what goes in at a gate comes out at the server, and the other way', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-gates-'))
  const server = createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const served = await serveBus([{ host: '127.0.0.1', port, address: '127.0.0.9' }], folder)
  await openGates(served.gates)
  const said = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.9', () => socket.end('hello'))
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
  expect(said).toBe('hello')
  served.close()
  server.close()
  await rm(folder, { recursive: true })
})

test('where no tool is installed, each thing that is not done is said, and runners start as they are', async () => {
  const none = await mkdtemp(join(tmpdir(), 'maggy-no-tools-'))
  expect(findTool(none)).toEqual({ kind: 'none', reasons: ['bwrap is not installed', 'unshare is not installed'] })
  const confinement = await confine({
    server: 'nats://127.0.0.1:4222',
    tls: false,
    network: 'bus',
    bounds: { memoryBytes: 2 ** 30, processes: 100 },
    needs: [],
    hides: [],
    path: none,
  })
  const said = confinement.measures.filter(({ done }) => !done).map(describeMeasure)
  for (const what of [
    'new privileges',
    'other processes',
    'read-only files',
    'temporary folder',
    'network but the bus',
  ])
    expect(said.some((text) => text.includes(what) && text.includes('bwrap is not installed'))).toBe(true)
  expect(confinement.server).toBe('nats://127.0.0.1:4222')
  expect(confinement.gates).toEqual([])
  expect(confinement.wrap(['node'], 0).slice(-1)).toEqual(['node'])
  confinement.close()
  await rm(none, { recursive: true })
})

test('a tool that is there and may not be used is not used, and what it says is passed on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maggy-tools-'))
  for (const name of ['bwrap', 'unshare'])
    await writeFile(join(folder, name), '#!/bin/sh\necho "creating namespaces is not permitted" >&2\nexit 1\n', {
      mode: 0o755,
    })
  const { kind, reasons } = findTool(`${folder}:/usr/bin:/bin`)
  expect(kind).toBe('none')
  expect(reasons[0]).toBe('bwrap may not be used here (creating namespaces is not permitted)')
  await rm(folder, { recursive: true })
})

test('limits are made for each slot and taken away again, or it is said why not', async () => {
  const bounds = { memoryBytes: 2 ** 28, processes: 77 }
  const nowhere = findLimits(bounds, '/nowhere', '/nowhere')
  expect(nowhere).toMatchObject({ kind: 'unlimited' })
  expect(nowhere.kind === 'unlimited' && nowhere.reason).toContain('systemd-run is not installed')
  const limits = findLimits(bounds)
  // What this host does not let us do is said, and that was seen above.
  if (limits.kind === 'unlimited' || limits.how !== 'cgroup') return
  const words = limits.enter(3).join(' ')
  const groups = [...words.matchAll(/'([^']*)\/cgroup\.procs'/g)].map(([, group = '']) => group)
  const values = await Promise.all(
    groups.flatMap((group) =>
      ['pids.max', 'memory.max', 'memory.limit_in_bytes'].map((file) =>
        readFile(join(group, file), 'utf8').catch(() => ''),
      ),
    ),
  )
  expect(values.map((text) => text.trim())).toEqual(expect.arrayContaining(['77', String(2 ** 28)]))
  limits.close()
  for (const group of groups)
    await expect(readFile(join(group, 'pids.max'), 'utf8')).rejects.toMatchObject({ code: 'ENOENT' })
})
