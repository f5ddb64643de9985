/** Every command and program of the README, run as a new user would, in an empty folder. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import { readReadme, type Readme } from '../support/readme.ts'
import { freePort } from '../support/server.ts'

let folder: string
let readme: Readme

beforeAll(async () => {
  readme = await readReadme()
  folder = await mkdtemp(join(tmpdir(), 'maggy-readme-'))
  // As `npm install` leaves it, without the download (test/system/setup.test.ts does the real one).
  await mkdir(join(folder, 'node_modules', '.bin'), { recursive: true })
  await symlink(packageRoot(), join(folder, 'node_modules', 'maggy'))
  await symlink(join(packageRoot(), 'node_modules', '@tensorflow'), join(folder, 'node_modules', '@tensorflow'))
  await symlink(join(packageRoot(), 'dist/src/cli/main.js'), join(folder, 'node_modules', '.bin', 'maggy'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of readme.programs) await writeFile(join(folder, name), readme.block(name))
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const block = (name: string): string => readme.block(name)

/** Runs a block in a shell of its own process group, and ends all that it left running. */
async function shell(script: string): Promise<{ code: number | null; output: string }> {
  const child = spawn('bash', ['-e', '-c', script], { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  try {
    process.kill(-(child.pid ?? 0), 'SIGTERM')
  } catch (error) {
    // ESRCH: the block left nothing behind.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
  return { code, output }
}

/** The same module as JavaScript, for a Node that does not strip types. */
async function asJavaScript(name: string): Promise<string> {
  const { code } = await transform(block(name), { loader: 'ts', format: 'esm' })
  const file = name.replace('.ts', '.js')
  await writeFile(join(folder, file), code)
  return file
}

describe('the README', () => {
  it('names only scripts that the package has', async () => {
    const { scripts } = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const named = [...block('clone').matchAll(/npm (?:run )?(\S+)/g)].map(([, name]) => name)
    expect(named).toEqual(['demo', 'test'])
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named))
  })

  it('has a first program that explores, tunes and shows', async () => {
    const { code, output } = await shell(block('first'))
    expect(code, output).toBe(0)
    expect(output).toContain('line-tune-')
    expect(output).toMatch(/best\s+loss/)
    expect(output).toContain('trial,state,')
  })

  it('starts the actors by hand, and an optimizer of one’s own beside them', async () => {
    const port = String(await freePort())
    const mine = await asJavaScript('mine.ts')
    const [before = '', last = ''] = block('actors')
      .replaceAll('4222', port)
      .split(/(?=npx maggy run)/)
    const own = `node ${mine} &\n${last.trimEnd()} --set optimizer=mine --set trials=4`
    const { code, output } = await shell(`${before}${last}${own}`)
    expect(code, output).toBe(0)
    expect(output.match(/: done in/g)).toHaveLength(2)
  })
})
