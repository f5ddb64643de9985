/** Files that start actors name commands, options and variables that there are, and credentials that `maggy auth` makes. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { boardOptions } from '../../actors/board/options.ts'
import { createProgram } from '../../src/cli/program.ts'
import { optionVariables, readMaggyLine } from '../support/maggy-lines.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'deploy')
const read = (name: string) => readFile(join(folder, name), 'utf8')
const commands = new Map(createProgram('0', () => {}).commands.map((command) => [command.name(), command]))

interface Pods {
  readonly kind?: string
  readonly spec?: { readonly template?: { readonly spec?: { readonly containers?: readonly { args?: string[] }[] } } }
}

/** What the containers of a file are given: the image's entry point is `maggy`. */
const ofCompose = async (name: string): Promise<string[][]> => {
  const { services } = parse(await read(name), { merge: true }) as { services: Record<string, { command?: string[] }> }
  return Object.values(services).flatMap(({ command }) => (command === undefined ? [] : [command]))
}
const ofKubernetes = async (name: string): Promise<string[][]> =>
  parseAllDocuments(await read(name))
    .flatMap((document) => (document.toJS() as Pods).spec?.template?.spec?.containers ?? [])
    .flatMap(({ args }) => (args === undefined ? [] : [args]))
/** Lines of a shell and of systemd; `\` goes on in the next. */
const linesIn = (text: string): string[][] =>
  [...text.replaceAll(/\\\n/g, ' ').matchAll(/^(?:.*?\s)?maggy ((?:server|driver|worker|auth|board)\b.*)$/gm)]
    .map(([, line = '']) => line.split(/[;|]| # | {3}/, 1)[0] ?? '')
    .map((line) => line.trim().replaceAll('"', '').split(/\s+/))
const ofText = async (name: string): Promise<string[][]> => linesIn((await read(name)).replaceAll(/^#.*$/gm, ''))
const ofMarkdown = async (name: string): Promise<string[][]> =>
  [...(await read(name)).matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => linesIn(block))

it.each([
  ['compose.yaml', ofCompose, 7],
  ['compose.cluster.yaml', ofCompose, 3],
  ['k8s/actors.yaml', ofKubernetes, 5],
  ['k8s/bus.yaml', ofKubernetes, 1],
  ['systemd/maggy-server.service', ofText, 1],
  ['systemd/maggy-member.service', ofText, 1],
  ['slurm/workers.sbatch', ofText, 1],
  ['CLUSTER.md', ofMarkdown, 4],
] as const)('every line of maggy in %s is one that it takes', async (name, linesOf, least) => {
  const lines = await linesOf(name)
  expect(lines.length).toBeGreaterThanOrEqual(least)
  for (const line of lines) expect(() => readMaggyLine(line), line.join(' ')).not.toThrow()
})

it('a line that is not taken is seen', () => {
  expect(() => readMaggyLine(['worker', '--notices', '30'])).toThrow('--notices')
  expect(() => readMaggyLine(['worker', '--notice', 'soon'])).toThrow('soon')
  expect(() => readMaggyLine(['server', '--cluster', 'lab', 'more'])).toThrow('too many arguments')
  expect(() => readMaggyLine(['auth', 'add-worker', 'w1', '--directory', 'x'])).toThrow('--directory')
  expect(() => readMaggyLine(['wurker'])).toThrow('too many arguments')
})

/** Of compose itself, and not of ours. */
const ofTheFiles = new Set(['MAGGY_IMAGE', 'MAGGY_SERVER_IMAGE', 'MAGGY_WORKER_MEMORY'])

it('every variable that a file of deploy/ names is one that is read', async () => {
  const known = new Set([...optionVariables(), ...(await variablesInCode())])
  const named = new Map<string, string>()
  for (const file of await textsIn(folder)) {
    const text = await read(file)
    for (const [variable] of text.matchAll(/\bMAGGY_[A-Z_]+\b/g))
      if (!ofTheFiles.has(variable)) named.set(variable, file)
  }
  expect([...named.keys()]).toEqual(expect.arrayContaining(['MAGGY_SERVER', 'MAGGY_CREDS', 'MAGGY_TOKEN_FILE']))
  expect([...named].filter(([variable]) => !known.has(variable))).toEqual([])
})

async function textsIn(at: string): Promise<string[]> {
  const entries = await readdir(at, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const inDeploy = files
    .map((file) => file.slice(at.length + 1))
    .filter((file) => !/^(python|go|examples)\//.test(file))
  return inDeploy.filter((file) => /\.(ya?ml|sh|sbatch|service|md|conf|tpl|txt)$|Dockerfile$/.test(file))
}

/** Read from the environment by name. */
async function variablesInCode(): Promise<string[]> {
  const found = new Set<string>()
  for (const room of ['src', 'actors']) {
    for (const entry of await readdir(join(root, room), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
      const text = await readFile(join(entry.parentPath, entry.name), 'utf8')
      for (const [, variable = ''] of text.matchAll(/env(?:ironment)?(?:\.|\[')(MAGGY_[A-Z_]+)/g)) found.add(variable)
      for (const [, names = ''] of text.matchAll(/\{([^{}]*)\}[^=\n]*= (?:process\.env|environment)\b/g))
        for (const [variable] of names.matchAll(/MAGGY_[A-Z_]+/g)) found.add(variable)
    }
  }
  return [...found]
}

it('the unit for all actors names those that there are', async () => {
  const [, named = ''] = /systemctl enable --now (.*)/.exec(await read('systemd/maggy@.service')) ?? []
  const names = [...named.matchAll(/maggy@(\w+)/g)].map(([, name = '']) => name)
  expect(names.length).toBe(5)
  for (const name of names) expect(() => readMaggyLine([name])).not.toThrow()
  expect(() => readMaggyLine(['worker', '--slots', '2', '--notice', '30'])).not.toThrow()
})

it('the board is started beside the other actors everywhere, with credentials of its own that can only read', async () => {
  const [compose, actorsFile, unit] = await Promise.all(
    ['compose.yaml', 'k8s/actors.yaml', 'systemd/maggy@.service'].map(read),
  )
  expect(compose).toContain('board: { file: ./maggy-authority/creds/main/board-board.creds }')
  // Published for this host alone, whatever the container listens on.
  expect(compose).toMatch(/ports: \['127\.0\.0\.1:4223:4223'\]/)
  expect(actorsFile).toContain('secretName: maggy-board')
  expect(unit).toContain('maggy@board')
  for (const text of [compose, actorsFile]) {
    expect(text).toContain('for role in driver optimizer ablator board;')
    const [command] = /\[board\b[^\]]*\]/.exec(text ?? '') ?? []
    expect(command).toBeDefined()
    expect(command).not.toContain('--control')
  }
})

it('what compose builds and mounts is there, or made by a command that it names', async () => {
  const text = await read('compose.yaml')
  const [, file = ''] = /dockerfile: (\S+?)[,} ]/.exec(text) ?? []
  expect(existsSync(join(root, file))).toBe(true)
  const dockerfile = await readFile(join(root, file), 'utf8')
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\w+)$/gm)].map(([, stage]) => stage)
  for (const [, target] of text.matchAll(/target: (server|maggy)\b/g)) expect(stages).toContain(target)
  expect(stages.at(-1)).toBe('maggy')
})

it('maggy board takes what the actor takes', () => {
  const own = boardOptions(new Command('board')).options.map(({ long }) => long)
  const known = (commands.get('board')?.options ?? []).map(({ long }) => long)
  // The token comes by the environment, for other people may read a process's arguments.
  expect(known).toEqual(expect.arrayContaining(own.filter((long) => long !== '--board-token')))
})
