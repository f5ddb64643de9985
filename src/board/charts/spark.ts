/** A line without axes, as an SVG path within a box. Pure. */
export function sparkPath(values: readonly number[], width: number, height: number): string {
  if (values.length === 0) return ''
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const y = (value: number) => (high === low ? height / 2 : 2 + (1 - (value - low) / (high - low)) * (height - 4))
  const x = (place: number) => (values.length === 1 ? width : (place / (values.length - 1)) * width)
  const [first = 0] = values
  const start = values.length === 1 ? `M0 ${round(y(first))}` : ''
  return (
    start +
    values
      .map((value, place) => `${place === 0 && start === '' ? 'M' : 'L'}${round(x(place))} ${round(y(value))}`)
      .join('')
  )
}

const round = (value: number): number => Math.round(value * 10) / 10
