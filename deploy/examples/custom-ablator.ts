/**
 * An ablator of one's own. It is a process: start it beside the others (`--server`, `MAGGY_SERVER`), and name it in an experiment:
 * `ablation({ ablator: 'only', … })`. `maggy conformance ablator --name only` says whether it does all that an ablator must.
 */
import { serveAblator } from 'maggy'

await serveAblator({
  name: 'only',
  adaptive: false,
  // It has no options: one that is given all the same is refused.
  options: { type: 'object', properties: {}, additionalProperties: false },
  // The base first, then each component as the only one that is left, without what cannot go together.
  open({ components, impossible = [] }) {
    const names = components.map(({ name }) => name)
    const sets = [[], ...names.map((kept) => names.filter((name) => name !== kept))]
    return sets.filter((set) => !impossible.some((together) => together.every((name) => set.includes(name))))
  },
  leaveOut({ state: sets, repeats, trial }) {
    const repeat = Math.floor(trial / sets.length)
    const without = sets[trial % sets.length]
    return repeat < repeats && without !== undefined ? { without, repeat } : 'exhausted'
  },
})
