/** A trial that saves itself after each few steps, and writes every step that it takes into a side file. */
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'saving',
  hparams: { side: '', steps: 60, every: 4, stepMs: 50 },
  train: async ({ hparams: { side, steps, every, stepMs }, checkpoint, reporter }) => {
    const saved = await checkpoint.latest()
    const began = saved === undefined ? 0 : Number(new TextDecoder().decode(saved.bytes))
    for (let step = began; step < steps; step += 1) {
      appendFileSync(side, `${step}\n`)
      reporter.report({ value: step }, step)
      await sleep(stepMs)
      if ((step + 1) % every === 0) await checkpoint.save(new TextEncoder().encode(String(step + 1)))
    }
    return { value: steps, began }
  },
})
