/** The example that `npm run demo` runs, on less data: that it learns as well as it should takes minutes, and is shown by the demo itself. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { maggy } from '../support/cli.ts'

it('the MNIST example is tuned on real images, tested on all 10,000, and its table ends with the best hparams', async () => {
  const data = await mkdtemp(join(tmpdir(), 'maggy-demo-'))
  const example = fileURLToPath(new URL('../../deploy/examples/mnist.ts', import.meta.url))
  const less = ['trials=2', 'hparams.examples=320', 'hparams.epochs=1', 'hparams.batchSize=32']
  const set = less.flatMap((setting) => ['--set', setting])
  const { code, stdout, stderr } = await maggy(['run', example, 'tune', '--data', data, ...set])
  await rm(data, { recursive: true, force: true })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const accuracies = [...stdout.matchAll(/^trial \d done in .*: accuracy=(0\.\d+)/gm)].map(([, value]) => Number(value))
  // Ten steps of 32 images: better than a guess, and a multiple of one test image.
  expect(accuracies).toHaveLength(2)
  expect(Math.max(...accuracies)).toBeGreaterThan(0.1)
  expect(stdout).toMatch(/^best +accuracy 0\.\d+, trial \d: lr=0\.\d+$/m)
})
