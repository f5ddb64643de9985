/**
 * `npm run demo`: explore the MNIST example once, tune it on two workers, take its model apart, and train it on both workers at once,
 * with the very commands that a user would type. A board shows it live, at one address all along; a report is written at the end.
 */
import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const maggy = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const example = 'deploy/examples/mnist.ts'

const report = 'maggy-report.html'
// One token for all boards of the demo: a page that is open goes on with the next command.
const env = { MAGGY_BOARD_TOKEN: randomBytes(18).toString('base64url'), ...process.env }

const exitCode =
  (await run('run', example)) ||
  (await run('run', example, 'tune', '--workers', '2', '--board')) ||
  (await run('export', '--format', 'html', '--output', report)) ||
  (await run('run', example, 'ablate', '--workers', '2', '--board')) ||
  (await run('run', example, 'train', '--workers', '2', '--board'))
if (exitCode === 0) console.log(`\nthe search as a page that needs nothing else: ${join(root, report)}`)
process.exit(exitCode)

/** Shows the command, runs it, and resolves with its exit code. */
function run(...args: readonly string[]): Promise<number> {
  console.log(`\n$ npx maggy ${args.join(' ')}`)
  // Ctrl-C reaches the command by itself: it ends in order, and the demo with it.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [maggy, ...args], { cwd: root, env, stdio: 'inherit' })
    child.once('error', reject)
    child.once('close', (code) => {
      process.off('SIGINT', ignore)
      resolve(code ?? 1)
    })
  })
}
