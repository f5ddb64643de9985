/** Its first trial saves itself, and then ends its process; the next attempt says where it begins. */
import { defineExperiment } from 'maggy'

export default defineExperiment(import.meta.url, {
  name: 'crashing',
  train: async ({ checkpoint, run }) => {
    const saved = await checkpoint.latest()
    if (run.trial === 0 && saved === undefined) {
      await checkpoint.save(new Uint8Array([7]))
      process.kill(process.pid, 'SIGKILL')
    }
    return { value: run.trial, from: saved?.bytes[0] ?? 0 }
  },
})
