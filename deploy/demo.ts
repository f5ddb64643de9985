/**
 * `npm run demo`: explore the MNIST example once, tune it on two workers, take its model apart, and train it on both workers at once,
 * with the very commands that a user would type.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const maggy = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const example = 'deploy/examples/mnist.ts'

const exitCode =
  (await run('run', example)) ||
  (await run('run', example, 'tune', '--workers', '2')) ||
  (await run('run', example, 'ablate', '--workers', '2')) ||
  (await run('run', example, 'train', '--workers', '2'))
process.exit(exitCode)

/** Shows the command, runs it, and resolves with its exit code. */
function run(...args: readonly string[]): Promise<number> {
  console.log(`\n$ npx maggy ${args.join(' ')}`)
  // Ctrl-C reaches the command by itself: it ends in order, and the demo with it.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [maggy, ...args], { cwd: root, stdio: 'inherit' })
    child.once('error', reject)
    child.once('close', (code) => {
      process.off('SIGINT', ignore)
      resolve(code ?? 1)
    })
  })
}
