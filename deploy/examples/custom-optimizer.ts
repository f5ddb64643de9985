/**
 * An optimizer of one's own. It is a process: start it beside the others (`--server`, `MAGGY_SERVER`), and name it in an
 * experiment: `optimization({ optimizer: 'climber', … })`, or `{ name: 'climber', keep: 0.8 }`.
 */
import { serveOptimizer } from 'maggy'

await serveOptimizer({
  name: 'climber',
  suggest({ best, sample, random, options }) {
    const { keep = 0.5 } = options
    const fresh = Object.entries(sample())
    // Hill climbing: keep some of what did best so far, and draw the rest.
    return Object.fromEntries(
      fresh.map(([name, value]) => [name, random.uniform() < Number(keep) ? (best?.hparams[name] ?? value) : value]),
    )
  },
})
