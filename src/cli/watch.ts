/** Shows an experiment while it runs: live on a terminal, plain lines when piped, JSON lines for machines. */
import { createLogUpdate } from 'log-update'
import type { LogEvent } from '../../protocol/index.ts'
import type { Progress, Waiting, Watch } from '../client/index.ts'
import { isFinal, Reading } from '../history/index.ts'
import { outlineOf, summarize, trialResult, type Outline, type Result, type TrialResult } from '../store/index.ts'
import { progressText, tallyOf, trialText, waitingText } from './progress-text.ts'

export interface Shown extends Watch {
  /** The last word: the view is cleared, nothing is shown after it. */
  end(): void
}

export type Style = 'live' | 'plain' | 'json'

/** How this process should show things. */
export function styleOf(options: { readonly json?: boolean | undefined }): Style {
  if (options.json === true) return 'json'
  return process.stdout.isTTY ? 'live' : 'plain'
}

export function watchIn(style: Style): Shown {
  if (style === 'live') return liveWatch()
  return style === 'json' ? jsonWatch() : plainWatch()
}

/** Prints one JSON line. */
export function printJson(event: string, body: object): void {
  process.stdout.write(`${JSON.stringify({ event, ...body })}\n`)
}

function plainWatch(): Shown {
  let waiting: string | undefined
  return {
    onEvent(event, reading, live) {
      if (event.type === 'experiment.accepted') say(`experiment ${reading.experiment}`)
      if (event.type === 'optimizer.opened' && live) for (const note of event.notes ?? []) say(note)
      if (event.type === 'experiment.noted' && live) say(event.note)
      const trial = live ? endedTrial(event, reading) : undefined
      if (trial !== undefined) say(trialText(trial, tallyOf(outlineOf(reading))))
    },
    onWaiting(said) {
      if (said !== null && said.code !== waiting) say(waitingText(said))
      waiting = said?.code
    },
    onNotice: say,
    end() {},
  }
}

/** A driver says four times a second how things stand; a log of it need not. */
const progressMs = 1000

function jsonWatch(): Shown {
  let quietUntil = -Infinity
  let waiting: string | undefined
  return {
    onEvent(event, reading, live) {
      if (event.type === 'experiment.accepted') printJson('experiment', { experiment: reading.experiment })
      if (event.type === 'optimizer.opened' && live && event.notes !== undefined)
        printJson('notes', { notes: event.notes })
      if (event.type === 'experiment.noted' && live) printJson('notes', { notes: [event.note] })
      const trial = live ? endedTrial(event, reading) : undefined
      if (trial !== undefined) printJson('trial', trial)
    },
    onProgress(progress) {
      if (progress.at < quietUntil) return
      quietUntil = progress.at + progressMs
      printJson('progress', progress)
    },
    onWaiting(said) {
      if (said !== null && said.code !== waiting) printJson('waiting', said)
      waiting = said?.code
    },
    onNotice(text) {
      printJson('notice', { text })
    },
    end() {},
  }
}

const frameMs = 200

/** Redraws at most five times a second, however fast the events come. */
function liveWatch(): Shown {
  const draw = createLogUpdate(process.stdout)
  let reading = new Reading('')
  let progress: Progress | null = null
  let waiting: Waiting | null = null
  let notice: string | undefined
  const show = () => {
    const text = progressText({ result: standingNow(reading), progress, waiting, now: Date.now() })
    const lines = [...(reading.history?.notes ?? []), ...(notice === undefined ? [] : [notice]), text].join('\n')
    draw(reading.history === null ? (lines.split('\n').at(-1) ?? '') : lines)
  }
  const timer = setInterval(show, frameMs)
  timer.unref()
  return {
    onEvent(_, told) {
      reading = told
    },
    onProgress(said) {
      progress = said
    },
    onWaiting(said) {
      waiting = said
    },
    onNotice(text) {
      notice = text
    },
    end() {
      clearInterval(timer)
      draw.clear()
      draw.done()
    },
  }
}

/** An ablation compares its trials, which are few; of all others the trials are not looked at one by one, five times a second. */
function standingNow(reading: Reading): Outline & Pick<Result, 'ablation'> {
  return reading.history?.submission.context.kind === 'ablation' ? summarize(reading) : outlineOf(reading)
}

/** The trial that this event ended for good. */
function endedTrial(event: LogEvent, reading: Reading): TrialResult | undefined {
  if (event.type !== 'trial.ended' && event.type !== 'trial.lost') return undefined
  const trial = reading.trial(event.trial)
  if (trial === undefined || !isFinal(trial.state) || trial.context.end !== event) return undefined
  return trialResult(reading, event.trial)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
