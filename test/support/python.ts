/**
 * Python for tests: packages in folders of their own under `.maggy`, made when they are first needed. Installed with `pip --target`, for
 * that works where a Python has no venv too.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/actor/index.ts'

const run = promisify(execFile)

export interface Python {
  readonly command: string
  /** What is installed lies in these. */
  readonly folders: readonly string[]
  /** For its processes: where the packages are. */
  readonly env: NodeJS.ProcessEnv
  /** Runs it to its end; rejects, with what it said, if that is not well. `input`: for its standard input. */
  run(args: readonly string[], options?: { env?: NodeJS.ProcessEnv; input?: string; cwd?: string }): Promise<string>
  /** Starts it; what it says on stderr can be read with `said`. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): PythonProcess
}

export interface PythonProcess {
  readonly process: ChildProcess
  readonly said: () => string
  /** Resolves once it has ended. */
  readonly ended: Promise<number | null>
  /** SIGTERM, and SIGKILL after 10 s. */
  stop(): Promise<void>
}

const command = 'python3'
const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-warn-conflicts']

function folder(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return join(packageRoot(), '.maggy', 'python', hash.digest('hex').slice(0, 16))
}

/** A Python in which these packages are, and nothing of maggy's. */
export async function pythonWithPackages(...packages: readonly string[]): Promise<Python> {
  const { stdout: version } = await run(command, ['--version'])
  const installed = await made(folder([version, ...packages]), (target) =>
    run(command, [...pip, '--target', target, ...packages], { maxBuffer: 2 ** 26 }),
  )
  return pythonAt([installed])
}

/** A Python in which maggy-actors, as its wheel brings it, and these packages are. */
export async function pythonWith(...packages: readonly string[]): Promise<Python> {
  const root = packageRoot()
  const { stdout: version } = await run(command, ['--version'])
  const { folders } = await pythonWithPackages('nats-py', 'msgpack', ...packages)
  const actors = await made(folder([version, ...(await sources(root))]), async (target) => {
    const wheels = `${target}-wheel`
    // A copy: pip builds where the source is, and another test may do so at the same time.
    const copied = `${target}-source`
    const wanted = (path: string) => !/\/(build|__pycache__)$|\.egg-info$/.test(path)
    for (const part of ['deploy/python', 'protocol'])
      await cp(join(root, part), join(copied, part), { recursive: true, filter: wanted })
    const args = ['-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check', '--no-deps', '--wheel-dir', wheels]
    await run(command, [...args, join(copied, 'deploy/python')], { maxBuffer: 2 ** 26 })
    await rm(copied, { recursive: true })
    const [wheel = ''] = await readdir(wheels)
    await run(command, [...pip, '--no-deps', '--target', target, join(wheels, wheel)], { maxBuffer: 2 ** 26 })
    await rm(wheels, { recursive: true })
  })
  return pythonAt([actors, ...folders])
}

function pythonAt(folders: readonly string[]): Python {
  const env = { ...process.env, PYTHONPATH: folders.join(delimiter), PYTHONUNBUFFERED: '1' }
  return {
    command,
    env,
    folders,
    async run(args, { env: more = {}, input = '', cwd } = {}) {
      const running = run(command, [...args], { env: { ...env, ...more }, maxBuffer: 2 ** 26, ...(cwd ? { cwd } : {}) })
      running.child.stdin?.end(input)
      return (await running).stdout
    },
    start: (args, more = {}) => started(command, args, { ...env, ...more }),
  }
}

/** A folder as `make` makes it, whole or not at all. */
export async function made(folder: string, make: (target: string) => Promise<unknown>): Promise<string> {
  if (existsSync(folder)) return folder
  const partial = `${folder}.${process.pid}.partial`
  await mkdir(partial, { recursive: true })
  await make(partial)
  await rename(partial, folder).catch(async (error: unknown) => {
    // Another test was faster.
    if (!existsSync(folder)) throw error
    await rm(partial, { recursive: true })
  })
  return folder
}

/** All that goes into the wheel. */
async function sources(root: string): Promise<Buffer[]> {
  const folders = ['deploy/python', 'protocol/golden', 'protocol/schemas', 'protocol/pages']
  const found: string[] = []
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile() && /\.(py|toml|md|json|typed)$/.test(entry.name) && !/build|egg-info/.test(path))
        found.push(path)
    }
  }
  return Promise.all(found.sort().map((path) => readFile(path)))
}

function started(command: string, args: readonly string[], env: NodeJS.ProcessEnv): PythonProcess {
  const child = spawn(command, [...args], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-65_536)
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code))
  })
  return {
    process: child,
    said: () => text,
    ended,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(timer)
    },
  }
}
