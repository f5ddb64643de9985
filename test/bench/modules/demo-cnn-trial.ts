/** The same as a trial, reporting every batch. */
import { defineExperiment } from 'maggy'
import { imagesPerSecond } from './demo-cnn.ts'

export default defineExperiment(import.meta.url, {
  name: 'demo-cnn',
  train: async ({ reporter }) => ({ imagesPerSecond: await imagesPerSecond(reporter.callbacks({ every: 'batch' })) }),
})
