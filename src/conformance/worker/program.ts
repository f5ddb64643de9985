/** The program that a TypeScript worker is given to run. A worker in another language has its own objective, and leaves the bundle alone. */
export const programName = 'conformance.mjs'

/** Reports `steps` times, with `pauseMs` between two reports, and returns a value. */
export const program = `import { defineExperiment } from 'maggy'

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export default defineExperiment(import.meta.url, {
  name: 'conformance',
  train: async ({ hparams, reporter }) => {
    const { steps = 3, pauseMs = 0 } = hparams
    for (let step = 0; step < steps; step += 1) {
      reporter.report({ value: step }, step)
      if (pauseMs > 0) await pause(pauseMs)
    }
    return { value: 0.5 }
  },
})
`
