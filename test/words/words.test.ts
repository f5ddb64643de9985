import { expect, test } from 'vitest'
import { amongst, nearest, servedBy, visible } from '../../src/words/index.ts'

test('a slip of the fingers finds the name that was meant, another word finds none', () => {
  const known = ['trials', 'seed', 'maxFailed', 'hparams.lr']
  expect(['trails', 'sed', 'maxfailed', 'hparam.lr', 'lr'].map((name) => nearest(name, known))).toEqual([
    'trials',
    'seed',
    'maxFailed',
    'hparams.lr',
    undefined,
  ])
  expect(nearest('x', [])).toBeUndefined()
  expect(amongst('trails', known)).toBe('did you mean trials? there are trials, seed, maxFailed, hparams.lr')
  expect(amongst('colour', [])).toBe('there are none')
})

test('a name that nobody answers to is one that a command has, or one that may have been meant', () => {
  const served = (name: string) => servedBy('maggy optimizer', ['tpe', 'gp'], name)
  expect(served('gp')).toBe('`maggy optimizer` has it')
  expect(served('tpee')).toBe('did you mean tpe? `maggy optimizer` has tpe, gp')
  expect(served('mine')).toBe('`maggy optimizer` has tpe, gp')
})

test('what would move the cursor, hide or turn text round is written out, and all else stays', () => {
  expect(visible('loss\u001B[2J\r\n\u0007\u202Ebad\u009B')).toBe('loss\\e[2J\\r\\n\\u0007\\u202ebad\\u009b')
  expect(visible('größe λ 数 👩‍🔬 a b')).toBe('größe λ 数 👩‍🔬 a b')
  expect(visible('lr=0.1')).toBe('lr=0.1')
})
