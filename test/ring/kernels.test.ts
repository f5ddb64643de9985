import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../src/actor/index.ts'
import { compileKernels, kernelsFile } from '../support/compile-kernels.ts'

test('the module of the kernels is what their source compiles to', async () => {
  expect(readFileSync(join(packageRoot(), kernelsFile), 'utf8')).toBe(await compileKernels())
})
