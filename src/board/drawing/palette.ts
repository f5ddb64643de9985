/** The colours of the board, light and dark: chosen to be told apart with any kind of colour vision, and to be read on their ground. */
import type { Ink } from './pen.ts'

export type Theme = 'light' | 'dark'

type Named = Exclude<Ink, `series${number}` | `scale${number}`>

const names: Readonly<Record<Theme, Readonly<Record<Named, string>>>> = {
  light: {
    text: '#1c2433',
    faint: '#5b6678',
    grid: '#e3e7ee',
    surface: '#ffffff',
    accent: '#3257d6',
    good: '#10804f',
    bad: '#c0322b',
    warn: '#9a5b00',
    quiet: '#9aa5b5',
    running: '#2f7fd1',
  },
  dark: {
    text: '#e6eaf2',
    faint: '#98a4b8',
    grid: '#2a3242',
    surface: '#161c28',
    accent: '#86a3ff',
    good: '#4cc38a',
    bad: '#ff7b72',
    warn: '#e8b04a',
    quiet: '#5f6b80',
    running: '#62b0ff',
  },
}

/** After Paul Tol's bright scheme (personal.sron.nl/~pault), darker on light ground. */
const series: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#3257d6', '#d1495b', '#1b8a5a', '#b87a00', '#7a4fc9', '#0f8fa8', '#c2489b', '#5c6b7a'],
  dark: ['#86a3ff', '#ff8593', '#5fd39b', '#f0b84d', '#b99aff', '#52cfe6', '#f08acb', '#a3b1c2'],
}

/** Viridis (Smith, van der Walt), at ten places from its dark end. */
const viridis = [
  '#440154',
  '#482878',
  '#3e4989',
  '#31688e',
  '#26828e',
  '#1f9e89',
  '#35b779',
  '#6ece58',
  '#b5de2b',
  '#fde725',
]

/** The colour of an ink. */
export function colour(ink: Ink, theme: Theme): string {
  if (ink.startsWith('series')) {
    const own = series[theme]
    return own[Number(ink.slice(6)) % own.length] as string
  }
  if (ink.startsWith('scale')) return scale(Number(ink.slice(5)), theme)
  return names[theme][ink as Named]
}

/** Light ground lets the bright end go, dark ground the dark one. */
function scale(part: number, theme: Theme): string {
  const clamped = Math.min(1, Math.max(0, Number.isNaN(part) ? 0 : part))
  const at = (theme === 'light' ? clamped * 0.88 : 0.14 + clamped * 0.86) * (viridis.length - 1)
  const low = Math.floor(at)
  const [from, to] = [viridis[low] as string, viridis[Math.min(viridis.length - 1, low + 1)] as string]
  const mixed = [1, 3, 5].map((place) => {
    const [a, b] = [parseInt(from.slice(place, place + 2), 16), parseInt(to.slice(place, place + 2), 16)]
    return Math.round(a + (b - a) * (at - low))
      .toString(16)
      .padStart(2, '0')
  })
  return `#${mixed.join('')}`
}

/** The ink of a value on the scale, in a hundred steps. */
export const scaleInk = (part: number): Ink => `scale${Math.round(Math.min(1, Math.max(0, part)) * 100) / 100}`
export const seriesInk = (place: number): Ink => `series${place}`
