/** Files that start actors name commands and options that there are, and credentials that `maggy auth` makes. */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { expect, it } from 'vitest'
import { boardOptions } from '../../actors/board/options.ts'
import { actors, createProgram } from '../../src/cli/program.ts'

const read = (name: string) => readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8')
const program = createProgram('0', () => {})
const commands = new Map(program.commands.map((command) => [command.name(), command]))

it.each(['compose.yaml', 'k8s/actors.yaml', 'k8s/bus.yaml'])('%s starts commands that there are', async (name) => {
  const lines = [...(await read(name)).matchAll(/\[npx, maggy, ([a-z]+)([^\]]*)\]/g)]
  expect(lines.length).toBeGreaterThan(0)
  for (const [, command = '', rest = ''] of lines) {
    expect([...commands.keys()]).toContain(command)
    // An actor's options are its own: only the board's stand at the command, too.
    if (command in actors) continue
    const known = (commands.get(command)?.options ?? []).map(({ long }) => long)
    for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(known).toContain(option)
  }
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
    const [command = ''] = /\[npx, maggy, board[^\]]*\]/.exec(text ?? '') ?? []
    expect(command).not.toContain('--control')
  }
})

it('maggy board takes what the actor takes', () => {
  const own = boardOptions(new Command('board')).options.map(({ long }) => long)
  const known = (commands.get('board')?.options ?? []).map(({ long }) => long)
  // The token comes by the environment, for other people may read a process's arguments.
  expect(known).toEqual(expect.arrayContaining(own.filter((long) => long !== '--board-token')))
})
