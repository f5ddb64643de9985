/** What may be done with an experiment, on a board that was started with --control. */
import { useState } from 'preact/hooks'
import type { Standing } from '../wire.ts'
import { source } from './source.ts'
import { status } from './stream.ts'

export function Controls({ standing }: { readonly standing: Standing }) {
  const [said, setSaid] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  if (status.value?.control !== true) return null
  const { experiment, state } = standing
  const act = (name: string, asked: object) => () => void ask(name, asked)
  const ask = async (name: string, asked: object) => {
    setBusy(true)
    setSaid(null)
    try {
      setSaid((await source.control(experiment, name, asked)) ?? null)
    } catch {
      setSaid('the board did not answer')
    } finally {
      setBusy(false)
    }
  }
  return (
    <div class="controls">
      {state === 'running' && (
        <button
          type="button"
          class="button"
          disabled={busy}
          onClick={act('stop', { mode: 'finish' })}
          title="Running trials end by themselves"
        >
          Stop
        </button>
      )}
      {(state === 'running' || state === 'stopping') && (
        <button
          type="button"
          class="button danger"
          disabled={busy}
          onClick={act('stop', { mode: 'cancel' })}
          title="Running trials are stopped now"
        >
          Cancel
        </button>
      )}
      {(state === 'stopped' || state === 'failed') && (
        <button type="button" class="button" disabled={busy} onClick={act('resume', {})}>
          Resume
        </button>
      )}
      {said !== null && (
        <span class="bad" role="alert">
          {said}
        </span>
      )}
    </div>
  )
}
