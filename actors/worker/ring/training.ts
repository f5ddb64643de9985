/**
 * The training, as the ring's thread sees it: what it has asked for, and the answers to it.
 * I1 What the training has asked for stays until it is answered: a generation that fails costs nothing but time.
 */
import { tellMain, type FromRing, type RingLine, type ToRing } from '../../../src/train/index.ts'
import { toTold } from '../../../protocol/index.ts'

type Question = Extract<ToRing, { type: 'reduce' | 'gather' }>
export type Joining = Extract<ToRing, { type: 'join' }>
export type Heard = Exclude<ToRing, Question | { type: 'state' }>

export interface Training {
  /** The thing that it waits for (I1). */
  readonly question: Question | undefined
  /** The number of the collective that it waits for; undefined: none. */
  readonly collective: number | undefined
  /** Not in answer to a question. */
  tell(message: Extract<FromRing, { type: 'ahead' | 'begin' }>): void
  /** Answers the question. */
  answer(message: Extract<FromRing, { type: 'reduced' | 'gathered' }>): void
  /** It has failed for good. */
  fail(error: unknown): void
  /** Its state of now. Only while it waits. */
  exportState(): Promise<Uint8Array>
  /** Resolves when it asks, or when somebody calls `stir`. */
  turned(): Promise<void>
  stir(): void
  close(): void
}

export function createTraining(options: {
  readonly line: RingLine
  readonly onAsked: () => void
  readonly onHeard: (message: Heard) => void
}): Training {
  const { line, onAsked, onHeard } = options
  let question: Question | undefined
  let wake: (() => void) | undefined
  let takeState: ((bytes: Uint8Array) => void) | undefined

  const tell = (message: FromRing): void => {
    tellMain(line, message)
  }

  line.port.on('message', (message: ToRing) => {
    switch (message.type) {
      case 'reduce':
      case 'gather':
        if (message.type === 'reduce') onAsked()
        question = message
        wake?.()
        return
      case 'state':
        takeState?.(message.bytes)
        takeState = undefined
        return
      default:
        onHeard(message)
    }
  })

  return {
    get question() {
      return question
    },
    get collective() {
      return question?.type === 'reduce' ? question.collective : undefined
    },
    tell,
    answer: (message) => {
      question = undefined
      tell(message)
    },
    fail: (error) => {
      const told = toTold(error)
      tell({ type: 'failed', problem: told })
    },
    exportState: () =>
      new Promise((resolve) => {
        takeState = resolve
        tell({ type: 'export' })
      }),
    turned: () =>
      new Promise((resolve) => {
        wake = resolve
      }),
    stir: () => {
      wake?.()
    },
    close: () => {
      wake?.()
      line.port.close()
    },
  }
}
