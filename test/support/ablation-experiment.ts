/** A study with a known answer and no model: what each feature is worth is written down, and a trial takes a moment. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ablation, defineExperiment, study, type Told } from 'maggy'

const worth: Readonly<Record<string, number>> = { a: 8, b: 4, c: 0, d: 0.5 }
const features = Object.keys(worth)

export default defineExperiment(import.meta.url, {
  name: 'known',
  features,
  switches: ['luck'],
  hparams: { ms: 100 },
  dataset: (_: object, { without }: Told) => features.filter((name) => !without.includes(name)),
  train: async ({ dataset, hparams, ablated, run }) => {
    const left = dataset(hparams)
    await sleep(hparams.ms)
    const luck = ablated.has('luck') ? 0 : (run.seed % 1000) / 10_000
    return { score: left.reduce((sum, name) => sum + (worth[name] ?? 0), 0) + luck }
  },
  contexts: {
    ablate: ablation({
      study: study().features({ pattern: '.' }).training('luck'),
      repeats: 3,
      metric: 'score',
      direction: 'maximize',
    }),
    eliminate: ablation({
      ablator: { name: 'greedy', tolerance: 100 },
      study: study().features({ pattern: '.' }),
      metric: 'score',
      direction: 'maximize',
    }),
    wrong: ablation({ study: study().features('e'), metric: 'score', direction: 'maximize' }),
  },
})
