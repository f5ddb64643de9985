/** A loop that never yields: it reports at a steady rate, and says how long a stop took to reach it. */
import { defineExperiment, EarlyStop } from 'maggy'

const until = (at: number) => {
  while (performance.now() < at);
}

export default defineExperiment(import.meta.url, {
  name: 'reporting',
  hparams: { x: 0, reports: 1000, perSecond: 1000, badFrom: -1 },
  train: ({ hparams, reporter }) => {
    const { reports, perSecond, badFrom } = hparams
    const start = performance.now()
    let triggeredAt = 0
    try {
      for (let step = 0; step < reports; step += 1) {
        until(start + (step * 1000) / perSecond)
        if (step === badFrom) triggeredAt = performance.now()
        reporter.report({ value: badFrom >= 0 && step >= badFrom ? -1 : step }, step)
      }
    } catch (error) {
      if (error instanceof EarlyStop) console.log(`stopLatencyMs ${performance.now() - triggeredAt}`)
      throw error
    }
    return { value: reports }
  },
})
