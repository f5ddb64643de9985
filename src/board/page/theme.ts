/** Light or dark: as the system has it, until somebody chooses. */
import { effect, signal } from '@preact/signals'
import type { Theme } from '../drawing/palette.ts'

const key = 'maggy-board-theme'
const system = window.matchMedia('(prefers-color-scheme: dark)')

export const theme = signal<Theme>(chosen() ?? bySystem())

system.addEventListener('change', () => {
  if (chosen() === undefined) theme.value = bySystem()
})

effect(() => {
  document.documentElement.dataset['theme'] = theme.value
})

export function turnTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
  try {
    window.localStorage.setItem(key, theme.value)
  } catch {
    // A browser that keeps nothing for files and private windows: it holds for this page.
  }
}

function chosen(): Theme | undefined {
  try {
    const kept = window.localStorage.getItem(key)
    return kept === 'dark' || kept === 'light' ? kept : undefined
  } catch {
    return undefined
  }
}

function bySystem(): Theme {
  return system.matches ? 'dark' : 'light'
}
