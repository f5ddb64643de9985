/** How commands end when something is in their way: in words, at once, and with a code that says which. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorTable } from '../../protocol/index.ts'
import { exitCodes, packageRoot } from '../../src/actor/index.ts'
import { maggy } from '../support/cli.ts'
import { processesBelow } from '../support/processes.ts'

const program = join(packageRoot(), 'dist/src/cli/main.js')
let folder: string
let module: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maggy-ends-'))
  module = join(folder, 'several.ts')
  await writeFile(
    module,
    `import { defineExperiment, optimization, space, training } from 'maggy'
const common = { trials: 4, metric: 'score', direction: 'maximize' } as const
export default defineExperiment(import.meta.url, {
  name: 'several',
  hparams: { y: 2, fails: false },
  train: ({ hparams }: any) => {
    if (hparams.fails) throw new Error('no such luck')
    return { score: hparams.y }
  },
  contexts: {
    good: optimization({ ...common, space: { x: space.double(0, 1) } }),
    bad: optimization({ ...common, space: { x: space.double(1, 0) } }),
    worse: training({ workers: 0 }),
    fails: optimization({ ...common, space: { x: space.double(0, 1) }, hparams: { fails: true } }),
  },
})\n`,
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const data = (name: string) => ['--data', join(folder, name)]

describe('a module of whose contexts one is not valid', () => {
  const fault = `SPACE_INVALID: space.x.low is 1, above high, which is 0 (`

  it('is run in another one, and says which cannot be run, with the line', async () => {
    const { code, stdout, stderr } = await maggy(['run', module, 'good', ...data('good')])
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('4 done')
    expect(stderr).toContain(`context bad cannot be run: ${fault}${module}:12:10)`)
    expect(stderr).toContain(`context worse cannot be run: CONTEXT_INVALID: workers is 0`)
  })

  it('is explored', async () => {
    const { code, stdout } = await maggy(['run', module, '--set', 'x=0.5'])
    expect(code).toBe(0)
    expect(stdout).toContain('score=2')
  })

  it('says what is wrong, and in which line, to whoever asks for that one', async () => {
    const { code, stderr } = await maggy(['run', module, 'bad', ...data('bad')])
    expect(code).toBe(exitCodes.usage)
    expect(stderr).toContain(`error ${fault}${module}:12:10)`)
  })
})

describe('an exploration whose train leaves something at work', () => {
  const left: Readonly<Record<string, readonly [code: string, said: string]>> = {
    'a timer': ['setInterval(() => {}, 10)', '1 timers were still set when train had ended'],
    'a server': ['createServer().listen(0)', 'still at work when train had ended: 1 TCPServerWrap'],
    'a thread': ["new Worker('setInterval(() => {}, 10)', { eval: true })", 'still at work when train had ended'],
  }
  it.each(Object.entries(left))('ends, and says so: %s', async (name, [code, said]) => {
    const path = join(folder, `leaves-${name.replace(' ', '-')}.ts`)
    await writeFile(
      path,
      `import { createServer } from 'node:net'
import { Worker } from 'node:worker_threads'
import { defineExperiment } from 'maggy'
export default defineExperiment(import.meta.url, {
  name: 'leaves',
  hparams: { fails: false },
  train: ({ hparams }: any) => {
    ${code}
    if (hparams.fails) throw new Error('no such luck')
    return { score: 2 }
  },
})\n`,
    )
    const done = await maggy(['run', path])
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('score=2') as string })
    expect(done.stderr).toContain(said)
    const failed = await maggy(['run', path, '--set', 'fails=true'])
    expect(failed.code).toBe(exitCodes.failed)
    expect(failed.stderr).toContain('no such luck')
    expect(failed.stderr).toContain(said)
  })
})

describe('maggy resume', () => {
  it('knows at once that there is no such experiment: no driver and no worker is started to say so', async () => {
    const empty = ['--data', join(folder, 'nowhere')]
    expect((await maggy(['resume', 'nothing', ...empty])).stderr).toContain('there is no experiment nothing')
    await mkdir(join(folder, 'empty'))
    const running = maggy(['resume', 'nothing', ...data('empty')])
    const started = new Set<string>()
    const look = setInterval(() => {
      for (const { command } of processesBelow(running.process.pid ?? 0)) started.add(command)
    }, 20)
    const { code, stderr } = await running
    clearInterval(look)
    expect(stderr).toContain('error EXPERIMENT_UNKNOWN: there is no experiment nothing')
    expect(code).toBe(exitCodes.usage)
    expect([...started].filter((command) => command.includes('actors/'))).toEqual([])
  })
})

describe('a search', () => {
  it('of which no trial was done has failed, and says why', async () => {
    const { code, stdout } = await maggy(['run', module, 'fails', ...data('fails')])
    expect(stdout).toMatch(/^several-fails-\S+: failed in .*, 4 failed$/m)
    expect(stdout).toContain('TRAIN_FAILED: train threw no such luck')
    expect(code).toBe(exitCodes.failed)
  })

  it('that has ended is not stopped: maggy stop says how it ended', async () => {
    const ran = await maggy(['run', module, 'good', '--json', ...data('over')])
    const { experiment = '' } = JSON.parse(ran.stdout.split('\n')[0] ?? '') as { experiment?: string }
    const { code, stdout, stderr } = await maggy(['stop', experiment, ...data('over')])
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${experiment} has ended already: done\n`, stderr: '' })
  })

  it('whose output nobody reads any more is stopped in order, and can be resumed', async () => {
    const child = spawn(process.execPath, [program, 'run', module, 'good', ...data('unread')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, MAGGY_SERVER: '' },
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const [first] = (await once(child.stdout, 'data')) as [Buffer]
    // As `| head -1` does.
    child.stdout.destroy()
    const [code] = (await once(child, 'close')) as [number | null]
    expect(stderr).not.toMatch(/EPIPE|\n\s+at /)
    // It may have come to its end before it had anything to say.
    expect([exitCodes.unread, exitCodes.done]).toContain(code)
    const id = /^experiment (\S+)$/m.exec(first.toString())?.[1] ?? ''
    const resumed = await maggy(['resume', id, ...data('unread')])
    expect(resumed.stdout).toContain(`${id}: done`)
  })
})

describe('what the operating system refuses', () => {
  it.each(['a folder that cannot be made', 'a file where a folder should be'])('is said in words: %s', async (what) => {
    const at = what.startsWith('a file') ? module : '/dev/null/nowhere'
    for (const option of ['--data', '--output']) {
      const { code, stderr } = await maggy(['run', module, 'good', ...data('refused'), option, at])
      expect(stderr).toMatch(/^error FILE_REFUSED: .* cannot be used: /m)
      expect(stderr).not.toContain('internal')
      expect(code).toBe(exitCodes.failed)
    }
  })

  it('is said in words: more files than the process may open', async () => {
    const child = spawn('sh', ['-c', `ulimit -n 40 && exec "$@"`, 'sh', process.execPath, program, 'ls'], {
      stdio: 'pipe',
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const [code] = (await once(child, 'close')) as [number | null]
    const { message, remedy } = errorTable.FILES_EXHAUSTED
    expect(stderr).toContain(`error FILES_EXHAUSTED: ${message.replace('{reason}', 'it may have 40 open; ')}`)
    expect(stderr).toContain(`remedy: ${remedy}\n`)
    expect(code).toBe(exitCodes.failed)
  })
})

describe('whatever answers at the address of a server', () => {
  const info = { server_id: 'x', version: '2.12.6', proto: 1, headers: true, max_payload: 2 ** 20, jetstream: true }
  const greeting = (change: object = {}) => `INFO ${JSON.stringify({ ...info, ...change })}\r\n`
  const endlessly = (socket: Socket, text: string): void => {
    const block = text.repeat(Math.ceil(65_536 / text.length))
    const more = (): void => {
      while (!socket.destroyed && socket.write(block));
      socket.once('drain', more)
    }
    more()
  }
  const peers: Readonly<Record<string, (socket: Socket) => void>> = {
    'says nothing': () => undefined,
    'never ends': (socket) => endlessly(socket, 'A'),
    'greets without end': (socket) => endlessly(socket, greeting()),
    'asks for TLS and is stuck in it': (socket) => socket.write(greeting({ tls_required: true })),
    'greets and falls silent': (socket) => socket.write(greeting()),
    'speaks something else': (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  }

  it.concurrent.each(Object.keys(peers))('%s, the command ends by itself, in words', async (kind) => {
    const peer = createServer((socket) => {
      socket.on('error', () => undefined)
      peers[kind]?.(socket)
    })
    peer.listen(0, '127.0.0.1')
    await once(peer, 'listening')
    const address = peer.address() as AddressInfo
    const { code, stderr } = await maggy(['ls', '--server', `127.0.0.1:${address.port}`])
    peer.close()
    expect(stderr).toMatch(/^error BUS_UNREACHABLE: /)
    expect(code).toBe(exitCodes.unavailable)
  })
})
