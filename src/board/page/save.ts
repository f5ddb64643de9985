/** Hands a file to the browser, to be saved. */
export function save(name: string, type: string, content: string | Blob): void {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }))
  const anchor = document.createElement('a')
  anchor.href = address
  anchor.download = name
  anchor.click()
  // The browser takes it up after this turn.
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
