/**
 * Ids of traces and spans follow from what they are about, by SHA-256: nothing has to travel with messages, whatever is said again is the
 * same span, and a driver that takes over goes on in the same trace. Actors in other languages can work them out alike:
 * of a trial, the trace is the first 16 bytes of SHA-256("maggy/EXPERIMENT/TRIAL"), and a span of it the first 8 bytes of
 * SHA-256("maggy/EXPERIMENT/TRIAL/NAME"), where NAME is `trial` for the span that all others are below.
 */
import { createHash } from 'node:crypto'

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Of an experiment; with a trial, of this one. In hex. */
export const traceIdOf = (experiment: string, trial?: number): string => hashOf(pathOf(experiment, trial)).slice(0, 32)

export const spanIdOf = (experiment: string, trial: number | undefined, name: string): string =>
  hashOf(`${pathOf(experiment, trial)}/${name}`).slice(0, 16)

const pathOf = (experiment: string, trial: number | undefined): string =>
  trial === undefined ? `maggy/${experiment}` : `maggy/${experiment}/${trial}`
