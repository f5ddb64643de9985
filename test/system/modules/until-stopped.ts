/** Reports until it is told to stop, or ten times if its trial is even. */
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'until-stopped',
  train: async ({ reporter, run }) => {
    for (let step = 0; run.trial % 2 === 1 || step < 10; step++) {
      reporter.report({ loss: 1 })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return { loss: 1 }
  },
})
