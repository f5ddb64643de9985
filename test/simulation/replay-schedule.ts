/** Plays one schedule and says what happened: `MAGGY_TEST_LOG=info node dist/test/simulation/replay-schedule.js '{"seed":…}'`, as a failing test prints it. */
import { play, type Schedule } from './schedule.ts'

const [text = ''] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await play(JSON.parse(text) as Schedule), null, 2)}\n`)
