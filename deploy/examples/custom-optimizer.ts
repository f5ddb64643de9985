/**
 * An optimizer of one's own. It is a process: start it beside the others (`--server`, `MAGGY_SERVER`), and name it in an
 * experiment: `optimization({ optimizer: 'climber', … })`, or `{ name: 'climber', keep: 0.8 }`. `maggy actors` lists it, and
 * `maggy conformance optimizer --name climber` says whether it does all that an optimizer must.
 */
import { serveOptimizer, validate } from 'maggy'

await serveOptimizer({
  name: 'climber',
  // What experiments may give beside the name; anything else is refused, with its path.
  options: {
    type: 'object',
    properties: { keep: { type: 'number', minimum: 0, maximum: 1, default: 0.5 } },
    additionalProperties: false,
  },
  // Called when an experiment is opened; what it returns comes with each question.
  open: ({ options, objectives, refuse }) => {
    if (objectives.length > 1) refuse('objectives', `are ${objectives.length}, and it climbs one hill at a time`)
    return { keep: Number(options['keep'] ?? 0.5) }
  },
  notes: ({ trials }) => (trials < 20 ? [`${trials} trials are few for a climb`] : []),
  suggest({ space, best, sample, random, state }) {
    const fresh = sample()
    // Hill climbing: keep some of what did best so far, and draw the rest.
    const mixed = Object.fromEntries(
      Object.entries(fresh).map(([name, value]) => [
        name,
        random.uniform() < state.keep ? (best?.hparams[name] ?? value) : value,
      ]),
    )
    // What is mixed may break a condition or a constraint: then the point that was drawn.
    return validate(space, mixed) === undefined ? mixed : fresh
  },
})
