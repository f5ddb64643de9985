/** Actions on an experiment, on a board that was started with --control. Each is confirmed, and its error is shown where it was confirmed. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Standing } from '../wire.ts'
import { ControlFields, type Asked } from './control-fields.tsx'
import { source } from './source.ts'
import { status } from './stream.ts'

interface Action {
  readonly name: string
  readonly label: string
  /** Of the button that does it. */
  readonly verb: string
  readonly says: string
  readonly asked: Asked
  readonly fields?: 'more' | 'enqueue' | 'swap'
  readonly danger?: boolean
}

function actionsOf({ state, kind }: Standing): Action[] {
  const isOpen = state === 'running' || state === 'paused'
  const isSearch = kind === 'optimization'
  const action = (name: string, label: string, verb: string, says: string, more: Partial<Action> = {}): Action => ({
    name,
    label,
    verb,
    says,
    asked: {},
    ...more,
  })
  const finish = 'Nothing more is handed out; trials that run end by themselves. It can be resumed.'
  const cancel =
    'Trials that run are stopped now, and what they have come to since their last checkpoint is lost. It can be resumed.'
  return [
    ...(state === 'running'
      ? [action('pause', 'Pause', 'Pause it', 'No more trials are handed out until it is resumed.')]
      : []),
    ...(state === 'paused' || state === 'stopped' || state === 'failed'
      ? [action('resume', 'Resume', 'Resume it', 'It goes on with the trials that are left.')]
      : []),
    ...(isSearch && state !== 'stopping'
      ? [
          action('more', 'More trials', 'Add them', 'It goes on until so many more have been tried.', {
            fields: 'more',
          }),
        ]
      : []),
    ...(isSearch && (isOpen || state === 'done')
      ? [
          action(
            'enqueue',
            'Enqueue',
            'Enqueue it',
            'Tried next, on top of the trials that were asked for. The optimizer fills in what is left empty.',
            { fields: 'enqueue' },
          ),
        ]
      : []),
    ...(isSearch && isOpen
      ? [
          action('swap', 'Optimizer', 'Swap it', 'Another optimizer takes over, with all that is known.', {
            fields: 'swap',
          }),
        ]
      : []),
    ...(isOpen ? [action('stop', 'Stop', 'Stop it', finish, { asked: { mode: 'finish' } })] : []),
    ...(isOpen || state === 'stopping'
      ? [action('stop', 'Cancel', 'Cancel its trials', cancel, { asked: { mode: 'cancel' }, danger: true })]
      : []),
  ]
}

export function Controls({ standing }: { readonly standing: Standing }) {
  const [open, setOpen] = useState<Action | null>(null)
  if (status.value?.control !== true) return null
  return (
    <div class="controls">
      {actionsOf(standing).map((action) => (
        <button
          key={action.label}
          type="button"
          class={action.danger === true ? 'button danger' : 'button'}
          aria-haspopup="dialog"
          onClick={() => setOpen(action)}
        >
          {action.label}
        </button>
      ))}
      {open !== null && <Confirm standing={standing} action={open} onClose={() => setOpen(null)} />}
    </div>
  )
}

interface ConfirmProps {
  readonly standing: Standing
  readonly action: Action
  readonly onClose: () => void
}

/** The browser keeps the focus in the dialog, closes it by Escape, and gives the focus back. */
function Confirm({ standing, action, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const asked = useRef<Asked>(action.asked)
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  const act = async () => {
    setBusy(true)
    setError(null)
    const wrong = await source
      .control(standing.experiment, action.name, asked.current)
      .catch(() => 'the board did not answer: nothing may have been done')
    setBusy(false)
    if (wrong === undefined) dialog.current?.close()
    else setError(wrong)
  }
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void act()
        }}
      >
        <h2 id="confirm-title">
          {action.label}: {standing.experiment}
        </h2>
        <p class="note">{action.says}</p>
        {action.fields !== undefined && (
          <ControlFields fields={action.fields} standing={standing} onChange={(given) => (asked.current = given)} />
        )}
        {error !== null && (
          <p class="banner bad" role="alert">
            {error}
          </p>
        )}
        <div class="confirm-end">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button type="submit" class={action.danger === true ? 'button danger' : 'button primary'} disabled={busy}>
            {action.verb}
          </button>
        </div>
      </form>
    </dialog>
  )
}
