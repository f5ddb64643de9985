/** A parent that starts an actor, says its pid, and waits to be killed. */
import { spawnEntry } from '../../src/actor/index.ts'

const [entry = '', ...args] = process.argv.slice(2)
const child = await spawnEntry(entry, args)
process.stdout.write(`${child.pid}\n`)
setInterval(() => {}, 60_000)
