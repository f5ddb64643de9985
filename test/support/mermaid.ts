/** Draws a machine as a Mermaid state diagram, and tells which of its states and transitions a test has reached. */
import type { AnyStateMachine } from 'xstate'

interface Edge {
  readonly from: string
  readonly event: string
  readonly to: string
  readonly label: string
}

interface NodeConfig {
  readonly initial?: string
  readonly type?: string
  readonly on?: Record<string, unknown>
  readonly always?: unknown
  readonly entry?: unknown
  readonly states?: Record<string, NodeConfig>
}

interface TransitionConfig {
  readonly target?: string
  readonly guard?: string
  readonly actions?: string | readonly string[]
}

const listOf = (value: unknown): TransitionConfig[] => {
  if (value === undefined) return []
  const items = Array.isArray(value) ? value : [value]
  return items.map((item) => (typeof item === 'string' ? { target: item } : (item as TransitionConfig)))
}
const namesOf = (value: unknown): string[] =>
  value === undefined ? [] : (Array.isArray(value) ? value : [value]).map(String)

function edgesOf(machine: AnyStateMachine): Edge[] {
  const root = machine.config as NodeConfig
  const edges: Edge[] = []
  const add = (from: string, event: string, transitions: unknown) => {
    for (const { target, guard, actions } of listOf(transitions)) {
      const to = target?.replace(/^\./, '') ?? from
      const label = [event, guard && `[${guard}]`, namesOf(actions).length > 0 && `/ ${namesOf(actions).join(', ')}`]
      edges.push({ from, event, to, label: label.filter(Boolean).join(' ') })
    }
  }
  for (const [name, node] of Object.entries(root.states ?? {})) {
    for (const [event, transitions] of Object.entries(node.on ?? {})) add(name, event, transitions)
    add(name, 'always', node.always)
  }
  for (const [event, transitions] of Object.entries(root.on ?? {})) {
    for (const { target, guard, actions } of listOf(transitions)) add('any', event, { target, guard, actions })
  }
  return edges
}

export function mermaid(machine: AnyStateMachine): string {
  const root = machine.config as NodeConfig
  const lines = ['stateDiagram-v2', `  [*] --> ${root.initial}`]
  for (const [name, node] of Object.entries(root.states ?? {})) {
    const entry = namesOf(node.entry)
    if (entry.length > 0) lines.push(`  ${name}: ${name}<br>entry / ${entry.join(', ')}`)
    if (node.type === 'final') lines.push(`  ${name} --> [*]`)
  }
  for (const { from, to, label } of edgesOf(machine)) lines.push(`  ${from} --> ${to}: ${label.replaceAll(':', ' ')}`)
  return `${lines.join('\n')}\n`
}

export function statesOf(machine: AnyStateMachine): string[] {
  return Object.keys((machine.config as NodeConfig).states ?? {})
}

/** Every (state, event) pair that the machine names in a state of its own. */
export function handledEvents(machine: AnyStateMachine): string[] {
  const pairs = edgesOf(machine).filter(({ from, event }) => from !== 'any' && event !== 'always')
  return [...new Set(pairs.map(({ from, event }) => `${from} on ${event}`))].sort()
}
