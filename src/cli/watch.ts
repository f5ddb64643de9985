/** Shows an experiment while it runs: live on a terminal, plain lines when piped, JSON lines for machines. */
import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import type { LogEvent } from '../../protocol/index.ts'
import type { Progress, Waiting, Watch } from '../client/index.ts'
import { isFinal, Reading } from '../history/index.ts'
import { outlineOf, summarize, trialResult, type Outline, type Result, type TrialResult } from '../store/index.ts'
import { visible, visibleJson } from '../words/index.ts'
import { changeText } from './change-text.ts'
import { OutputDigest, printedText } from './output-digest.ts'
import { progressText, tallyOf, trialText, waitingText } from './progress-text.ts'

export interface Shown extends Watch {
  /** Output of trials that is still to be shown once the experiment has ended. */
  printed(): string[]
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
  process.stdout.write(`${visibleJson(JSON.stringify({ event, ...body }))}\n`)
}

/** New lines that are shown as they come; who prints more than this reads it with `maggy logs`. */
const linesShown = 20
const lastLines = 10
const repeatedLines = 5

function plainWatch(): Shown {
  let waiting: string | undefined
  const digest = new OutputDigest()
  return {
    onOutput(trial, line) {
      const first = digest.take(trial, line)
      if (first === undefined || digest.different > linesShown + 1) return
      say(
        digest.different > linesShown
          ? 'trials print more than is shown here: `maggy logs` has all'
          : printedText(first),
      )
    },
    printed: () => digest.repeated(repeatedLines).map((line) => `printed ${printedText(line)}`),
    onEvent(event, reading, live) {
      if (event.type === 'experiment.accepted') say(`experiment ${reading.experiment}`)
      if (event.type === 'optimizer.opened' && live) for (const note of event.notes ?? []) say(note)
      if (event.type === 'experiment.noted' && live) say(event.note)
      if (event.type === 'experiment.changed' && live) say(`changed: ${changeText(event.change)}`)
      if (event.type === 'experiment.paused' && live) say('paused')
      if (event.type === 'experiment.resumed' && live) say('goes on')
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
  const digest = new OutputDigest()
  return {
    onOutput(trial, line) {
      const first = digest.take(trial, line)
      if (first !== undefined) printJson('output', { trial, from: first.from, text: first.text })
    },
    printed() {
      const repeated = digest.repeated(Infinity).map(({ from, text, count }) => ({ from, text, count }))
      if (repeated.length > 0) printJson('repeated', { lines: repeated })
      return []
    },
    onEvent(event, reading, live) {
      if (event.type === 'experiment.accepted') printJson('experiment', { experiment: reading.experiment })
      if (event.type === 'optimizer.opened' && live && event.notes !== undefined)
        printJson('notes', { notes: event.notes })
      if (event.type === 'experiment.noted' && live) printJson('notes', { notes: [event.note] })
      if (event.type === 'experiment.changed' && live) printJson('changed', event.change)
      if (event.type === 'experiment.paused' && live) printJson('paused', { now: event.now === true })
      if (event.type === 'experiment.resumed' && live) printJson('resumed', {})
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
const liveLines = 5

/** Redraws at most five times a second, however fast the events come. */
function liveWatch(): Shown {
  const draw = createLogUpdate(process.stdout)
  let reading = new Reading('')
  let progress: Progress | null = null
  let waiting: Waiting | null = null
  let notice: string | undefined
  const digest = new OutputDigest()
  const show = () => {
    const text = progressText({ result: standingNow(reading), progress, waiting, now: Date.now() })
    const printed = digest.last(liveLines).map((line) => pc.dim(`  ${printedText(line)}`))
    const notes = [...(reading.history?.notes ?? []), ...(notice === undefined ? [] : [notice])].map(visible)
    const lines = [...notes, text, ...printed].join('\n')
    draw(reading.history === null ? (text.split('\n').at(-1) ?? '') : lines)
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
    onOutput(trial, line) {
      digest.take(trial, line)
    },
    printed() {
      const last = digest.last(lastLines).map((line) => `printed ${printedText(line)}`)
      const more = digest.different - last.length
      return more > 0 ? [...last, `printed ${more} more lines: \`maggy logs\` has all`] : last
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
  if (trial === undefined || !isFinal(trial.state) || trial.context.end?.attempt !== event.attempt) return undefined
  return trialResult(reading, event.trial)
}

function say(line: string): void {
  process.stdout.write(`${visible(line)}\n`)
}
