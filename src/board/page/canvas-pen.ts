/** A pen that draws on a canvas. */
import { colour, type Theme } from '../drawing/palette.ts'
import type { Box, Fill, Ink, Pen, Size, Stroke, TextStyle } from '../drawing/pen.ts'

const family = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'

/** Makes the canvas as large as it is to be seen, as sharp as the screen, and empty. */
export function prepare(canvas: HTMLCanvasElement, size: Size, sharpness: number): CanvasRenderingContext2D {
  const [width, height] = [Math.round(size.width * sharpness), Math.round(size.height * sharpness)]
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('this browser draws on no canvas')
  context.setTransform(sharpness, 0, 0, sharpness, 0, 0)
  context.clearRect(0, 0, size.width, size.height)
  return context
}

export class CanvasPen implements Pen {
  readonly #context: CanvasRenderingContext2D
  readonly #theme: Theme
  readonly #colours = new Map<Ink, string>()

  constructor(context: CanvasRenderingContext2D, theme: Theme) {
    this.#context = context
    this.#theme = theme
  }

  line(points: readonly number[], { ink, width = 1.5, opacity = 1, dash }: Stroke): void {
    const context = this.#context
    this.#path(points)
    context.globalAlpha = opacity
    context.strokeStyle = this.#colour(ink)
    context.lineWidth = width
    context.lineJoin = 'round'
    if (dash !== undefined) context.setLineDash([...dash])
    context.stroke()
    if (dash !== undefined) context.setLineDash([])
  }

  area(points: readonly number[], { ink, opacity = 1 }: Fill): void {
    this.#path(points)
    this.#context.globalAlpha = opacity
    this.#context.fillStyle = this.#colour(ink)
    this.#context.fill()
  }

  rect(x: number, y: number, width: number, height: number, { ink, opacity = 1 }: Fill): void {
    this.#context.globalAlpha = opacity
    this.#context.fillStyle = this.#colour(ink)
    this.#context.fillRect(x, y, width, height)
  }

  circle(x: number, y: number, radius: number, { ink, opacity = 1 }: Fill): void {
    const context = this.#context
    context.globalAlpha = opacity
    context.fillStyle = this.#colour(ink)
    // A circle as small as this looks like a square, which is ten times as quick.
    if (radius < 2) return context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius)
    context.beginPath()
    context.arc(x, y, radius, 0, 2 * Math.PI)
    context.fill()
  }

  text(x: number, y: number, text: string, style: TextStyle = {}): void {
    const { ink = 'text', size = 11, align = 'start', bold, halo, turn, most } = style
    const context = this.#context
    context.globalAlpha = 1
    context.fillStyle = this.#colour(ink)
    context.font = `${bold === true ? '600 ' : ''}${size}px ${family}`
    context.textAlign = align === 'middle' ? 'center' : align
    context.textBaseline = 'middle'
    const shown = most === undefined ? text : this.#cut(text, most)
    if (halo === true) {
      context.strokeStyle = this.#colour('surface')
      context.lineWidth = 3
      context.lineJoin = 'round'
      context.strokeText(shown, x, y)
    }
    if (turn === undefined) return context.fillText(shown, x, y)
    context.save()
    context.translate(x, y)
    context.rotate((turn * Math.PI) / 180)
    context.fillText(shown, 0, 0)
    context.restore()
  }

  within({ x, y, width, height }: Box, draw: () => void): void {
    const context = this.#context
    context.save()
    context.beginPath()
    context.rect(x, y, width, height)
    context.clip()
    draw()
    context.restore()
  }

  #path(points: readonly number[]): void {
    const context = this.#context
    context.beginPath()
    let broken = true
    for (let at = 0; at + 1 < points.length; at += 2) {
      const [x, y] = [points[at] as number, points[at + 1] as number]
      if (Number.isNaN(x) || Number.isNaN(y)) broken = true
      else if (broken) {
        context.moveTo(x, y)
        broken = false
      } else context.lineTo(x, y)
    }
  }

  #cut(text: string, most: number): string {
    if (this.#context.measureText(text).width <= most) return text
    let shown = text
    while (shown.length > 1 && this.#context.measureText(`${shown}…`).width > most) shown = shown.slice(0, -1)
    return `${shown}…`
  }

  #colour(ink: Ink): string {
    let known = this.#colours.get(ink)
    if (known === undefined) this.#colours.set(ink, (known = colour(ink, this.#theme)))
    return known
  }
}
