/** Values as text that can be told from each other: `1` is the number, `"1"` the text; `null` the value, `"null"` the text. */

/** Text as it is, unless it would read as something else (a number, true, null, a list, nothing at all): then as JSON. */
export function literal(value: unknown): string {
  if (typeof value !== 'string')
    return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
  return readsAsOther(value) ? JSON.stringify(value) : value
}

function readsAsOther(text: string): boolean {
  if (text.trim() !== text || text === '' || text === '-') return true
  return /^(?:true|false|null|undefined|NaN|["[{].*)$/s.test(text) || !Number.isNaN(Number(text))
}
