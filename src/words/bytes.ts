/** Amounts of memory as people write them: 1 MB is 1024 KB, as in most tools that give memory to processes. */
const pattern = /^(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?$/i

/** `'256MB'` as a number of bytes; undefined: it is none. */
export function bytesIn(text: string): number | undefined {
  const [, amount, unit = ''] = pattern.exec(text.trim()) ?? []
  if (amount === undefined) return undefined
  const power = ['', 'K', 'M', 'G', 'T'].indexOf(unit.toUpperCase())
  return Math.round(Number(amount) * 1024 ** power)
}

const units = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** `256 MB`, with three digits at most. */
export function bytesText(bytes: number): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power]}`
}
