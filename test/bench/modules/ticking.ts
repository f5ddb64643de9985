/** A trial that reports ten times a second; the value of a report is its number. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'ticking',
  hparams: { reports: 900 },
  train: async ({ hparams, reporter }) => {
    for (let report = 0; report < hparams.reports; report += 1) {
      reporter.report({ value: report }, report)
      await sleep(100)
    }
    return { value: hparams.reports }
  },
})
