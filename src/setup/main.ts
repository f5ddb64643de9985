/** The last part of `node deploy/setup.mjs`, once dependencies and build are there. `--quiet`: no word if nothing is to be done. */
import { isProblem } from '../../protocol/index.ts'
import { fix } from './inspect.ts'
import { progressTo } from './progress.ts'

const write = (line: string) => void process.stdout.write(`set-up: ${line}\n`)
const progress = progressTo(write)
const failures = await fix(progress)
for (const error of failures) write(`${error.message}${isProblem(error) ? `\n  ${error.remedy}` : ''}`)
// deploy/setup.mjs reads the code: 0 nothing to do, 10 something was done, 1 something is missing.
process.exitCode = failures.length > 0 ? 1 : progress.steps > 0 ? 10 : 0
