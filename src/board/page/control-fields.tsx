/** Fields that an action needs first: a number of trials, hyperparameters, an optimizer. */
import { useLayoutEffect, useState } from 'preact/hooks'
import type { Parameter } from '../../../protocol/index.ts'
import type { Standing } from '../wire.ts'
import { number, value as valueText } from '../words.ts'
import { useAsked } from './asked.ts'
import { source } from './source.ts'

export type Asked = Readonly<Record<string, unknown>>

interface FieldsProps {
  readonly standing: Standing
  /** At each stroke: whoever types and presses Enter at once means what stands there. */
  readonly onChange: (asked: Asked) => void
}

export function ControlFields({ fields, ...props }: FieldsProps & { readonly fields: 'more' | 'enqueue' | 'swap' }) {
  if (fields === 'more') return <MoreFields {...props} />
  return fields === 'enqueue' ? <EnqueueFields {...props} /> : <SwapFields {...props} />
}

function MoreFields({ onChange }: FieldsProps) {
  const [count, setCount] = useState('10')
  useLayoutEffect(() => onChange({ trials: Number(count) }), [])
  const set = (text: string) => {
    setCount(text)
    onChange({ trials: Number(text) })
  }
  return (
    <label class="field">
      <span>more trials</span>
      <input
        type="number"
        min="1"
        step="1"
        required
        value={count}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  )
}

function EnqueueFields({ standing, onChange }: FieldsProps) {
  const [texts, setTexts] = useState<ReadonlyMap<string, string>>(new Map())
  useLayoutEffect(() => onChange({ hparams: {} }), [])
  const set = (changed: string, text: string) => {
    const now = new Map(texts).set(changed, text)
    setTexts(now)
    const given = Object.entries(standing.space).flatMap(([name, parameter]) => {
      const written = now.get(name) ?? ''
      return written === '' ? [] : [[name, valueIn(parameter, written)] as const]
    })
    onChange({ hparams: Object.fromEntries(given) })
  }
  return (
    <div class="fields">
      {Object.entries(standing.space).map(([name, parameter]) => (
        <label class="field" key={name}>
          <span>{name}</span>
          <ParameterInput parameter={parameter} text={texts.get(name) ?? ''} onText={(text) => set(name, text)} />
        </label>
      ))}
    </div>
  )
}

/** Choices stand as JSON: "8" and 8 are two. */
function valueIn(parameter: Parameter, text: string): unknown {
  return parameter.type === 'categorical' || parameter.type === 'constant' ? JSON.parse(text) : Number(text)
}

interface InputProps {
  readonly parameter: Parameter
  readonly text: string
  readonly onText: (text: string) => void
}

function ParameterInput({ parameter, text, onText }: InputProps) {
  if (parameter.type === 'double' || parameter.type === 'integer') {
    const { low, high, type } = parameter
    return (
      <input
        type="number"
        min={low}
        max={high}
        step={type === 'integer' ? 1 : 'any'}
        placeholder={`${number(low)} to ${number(high)}`}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    )
  }
  const values = { discrete: 'values', categorical: 'choices', constant: 'value' } as const
  const given: unknown = Reflect.get(parameter, values[parameter.type])
  return (
    <select value={text} onChange={(event) => onText(event.currentTarget.value)}>
      <option value="">as suggested</option>
      {(parameter.type === 'constant' ? [given] : (given as readonly unknown[])).map((one) => (
        <option key={JSON.stringify(one)} value={JSON.stringify(one)}>
          {valueText(one)}
        </option>
      ))}
    </select>
  )
}

function SwapFields({ standing, onChange }: FieldsProps) {
  const [name, setName] = useState('')
  const names = useAsked<readonly string[]>(() => source.optimizers(), [], [standing.experiment])
  const set = (text: string) => {
    setName(text)
    onChange({ name: text })
  }
  return (
    <label class="field">
      <span>instead of {standing.plugins.optimizer}</span>
      <input required list="optimizers" value={name} onInput={(event) => set(event.currentTarget.value)} />
      <datalist id="optimizers">
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </label>
  )
}
