/**
 * An ablator of one's own. It is a process: start it beside the others (`--server`, `MAGGY_SERVER`), and name it in an experiment:
 * `ablation({ ablator: 'only', … })`.
 */
import { serveAblator } from 'maggy'

await serveAblator({
  name: 'only',
  adaptive: false,
  // The base first, then each component as the only one that is left.
  leaveOut({ components, repeats, trial }) {
    const round = components.length + 1
    const repeat = Math.floor(trial / round)
    if (repeat >= repeats) return 'exhausted'
    const kept = components[(trial % round) - 1]
    const others = components.filter((component) => component !== kept)
    return { without: kept === undefined ? [] : others.map(({ name }) => name), repeat }
  },
})
