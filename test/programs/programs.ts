/** The zoo: programs of each kind that people have, written as they write them. */
import attention from './attention.ts'
import cnn from './cnn.ts'
import dataPipeline from './data-pipeline.ts'
import denoiser from './denoiser.ts'
import detection from './detection.ts'
import gan from './gan.ts'
import gradientAccumulation from './gradient-accumulation.ts'
import lstm from './lstm.ts'
import multiInput from './multi-input.ts'
import reinforcement from './reinforcement.ts'
import sequenceToSequence from './sequence-to-sequence.ts'
import tabularRegression from './tabular-regression.ts'
import textClassification from './text-classification.ts'
import transfer from './transfer.ts'
import vae from './vae.ts'

export const programs = {
  attention,
  cnn,
  'data-pipeline': dataPipeline,
  denoiser,
  detection,
  gan,
  'gradient-accumulation': gradientAccumulation,
  lstm,
  'multi-input': multiInput,
  reinforcement,
  'sequence-to-sequence': sequenceToSequence,
  'tabular-regression': tabularRegression,
  'text-classification': textClassification,
  transfer,
  vae,
} as const

export type ProgramName = keyof typeof programs
