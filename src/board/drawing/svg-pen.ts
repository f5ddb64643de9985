/** A pen that writes an SVG file. Pure. */
import { colour, type Theme } from './palette.ts'
import type { Box, Fill, Pen, Size, Stroke, TextStyle } from './pen.ts'

const family = 'system-ui, -apple-system, Segoe UI, Roboto, sans-serif'

/** The file of what `draw` draws. */
export function svgOf(size: Size, theme: Theme, title: string, draw: (pen: Pen) => void): string {
  const pen = new SvgPen(theme)
  draw(pen)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" font-family="${family}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" fill="${colour('surface', theme)}"/>`,
    ...pen.parts,
    '</svg>',
    '',
  ].join('\n')
}

class SvgPen implements Pen {
  readonly parts: string[] = []
  readonly #theme: Theme
  #clips = 0

  constructor(theme: Theme) {
    this.#theme = theme
  }

  line(points: readonly number[], { ink, width = 1.5, opacity, dash }: Stroke): void {
    const d = pathOf(points)
    if (d === '') return
    const dashed = dash === undefined ? '' : ` stroke-dasharray="${dash.join(' ')}"`
    this.parts.push(
      `<path d="${d}" fill="none" stroke="${colour(ink, this.#theme)}" stroke-width="${width}" stroke-linejoin="round"${faded(opacity)}${dashed}/>`,
    )
  }

  area(points: readonly number[], fill: Fill): void {
    const d = pathOf(points)
    if (d !== '') this.parts.push(`<path d="${d}Z"${this.#fill(fill)}/>`)
  }

  rect(x: number, y: number, width: number, height: number, fill: Fill): void {
    this.parts.push(
      `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"${this.#fill(fill)}/>`,
    )
  }

  circle(x: number, y: number, radius: number, fill: Fill): void {
    this.parts.push(`<circle cx="${round(x)}" cy="${round(y)}" r="${round(radius)}"${this.#fill(fill)}/>`)
  }

  text(x: number, y: number, text: string, style: TextStyle = {}): void {
    const { ink = 'text', size = 11, align = 'start', bold, halo, turn, most } = style
    const turned = turn === undefined ? '' : ` transform="rotate(${turn} ${round(x)} ${round(y)})"`
    const ground =
      halo === true ? ` stroke="${colour('surface', this.#theme)}" stroke-width="3" paint-order="stroke"` : ''
    const weight = bold === true ? ' font-weight="600"' : ''
    const shown = most === undefined ? text : cut(text, most)
    this.parts.push(
      `<text x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${align}" dominant-baseline="central" fill="${colour(ink, this.#theme)}"${weight}${ground}${turned}>${escaped(shown)}</text>`,
    )
  }

  within({ x, y, width, height }: Box, draw: () => void): void {
    const id = `clip${(this.#clips += 1)}`
    this.parts.push(
      `<clipPath id="${id}"><rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"/></clipPath><g clip-path="url(#${id})">`,
    )
    draw()
    this.parts.push('</g>')
  }

  #fill({ ink, opacity }: Fill): string {
    return ` fill="${colour(ink, this.#theme)}"${faded(opacity)}`
  }
}

function pathOf(points: readonly number[]): string {
  let d = ''
  let broken = true
  for (let at = 0; at + 1 < points.length; at += 2) {
    const [x, y] = [points[at] as number, points[at + 1] as number]
    if (Number.isNaN(x) || Number.isNaN(y)) broken = true
    else {
      d += `${broken ? 'M' : 'L'}${round(x)} ${round(y)}`
      broken = false
    }
  }
  return d
}

const round = (value: number): number => Math.round(value * 10) / 10
const faded = (opacity: number | undefined): string => (opacity === undefined ? '' : ` opacity="${opacity}"`)

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** With a text of eleven pixels, a letter is about six wide. */
export const cut = (text: string, most: number): string => {
  const letters = Math.max(3, Math.floor(most / 6))
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`
}
