import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describe as textOf, errorTable, toProblem } from '../../protocol/index.ts'

it('whatever is thrown has a text', () => {
  const round: Record<string, unknown> = { a: 1 }
  round['self'] = round
  const refuses = {
    get a(): never {
      throw new Error('no')
    },
  }
  expect([round, { big: 2n }, undefined, refuses, Symbol('s')].map(textOf)).toEqual([
    '{"a":1,"self":"…"}',
    '{"big":"2n"}',
    'undefined',
    '[object Object]',
    'Symbol(s)',
  ])
})

it('pages that a remedy points to are in the package', () => {
  const pages = Object.values(errorTable).flatMap(({ remedy }) => [...remedy.matchAll(/deploy\/\w+\.md/g)].map(String))
  expect(pages).toContain('deploy/TRAINING.md')
  for (const page of pages) expect(existsSync(new URL(`../../${page}`, import.meta.url)), page).toBe(true)
})

it('a file whose folder is not there is refused by its name', () => {
  const error = Object.assign(new Error("ENOENT: no such file or directory, open '/no/x'"), {
    code: 'ENOENT',
    syscall: 'open',
    path: '/no/x',
  })
  expect(toProblem(error)).toMatchObject({ code: 'FILE_REFUSED', message: expect.stringContaining('/no/x') as string })
})
