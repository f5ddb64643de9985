/** A rectangle with a scale to the right and one upwards, and what is written beside them. Pure. */
import type { Box, Pen, Size } from './pen.ts'
import type { Scale } from './scale.ts'

export interface Plot {
  readonly box: Box
  readonly x: Scale
  readonly y: Scale
  /** Pixels. */
  atX(value: unknown): number
  atY(value: unknown): number
}

export interface Margins {
  readonly left?: number
  readonly right?: number
  readonly top?: number
  readonly bottom?: number
}

export function plotIn(size: Size, x: Scale, y: Scale, margins: Margins = {}): Plot {
  const { left = 54, right = 14, top = 12, bottom = 38 } = margins
  const box = {
    x: left,
    y: top,
    width: Math.max(10, size.width - left - right),
    height: Math.max(10, size.height - top - bottom),
  }
  return {
    box,
    x,
    y,
    atX: (value) => box.x + x.part(value) * box.width,
    atY: (value) => box.y + (1 - y.part(value)) * box.height,
  }
}

/** Lines, labels and titles of both axes. */
export function drawAxes(pen: Pen, { box, x, y }: Plot, titles: { readonly x: string; readonly y: string }): void {
  const bottom = box.y + box.height
  for (const { part, label } of y.ticks(Math.max(2, Math.floor(box.height / 44)))) {
    const at = bottom - part * box.height
    pen.line([box.x, at, box.x + box.width, at], { ink: 'grid', width: 1 })
    pen.text(box.x - 7, at, label, { ink: 'faint', align: 'end', most: box.x - 16 })
  }
  const ticks = x.ticks(Math.max(2, Math.floor(box.width / 84)))
  for (const { part, label } of ticks) {
    const at = box.x + part * box.width
    pen.line([at, bottom, at, bottom + 4], { ink: 'grid', width: 1 })
    pen.text(at, bottom + 12, label, {
      ink: 'faint',
      align: 'middle',
      // Of choices each has a share of the axis; numbers are short.
      most: x.kind === 'choices' ? box.width / Math.max(1, ticks.length) - 6 : 80,
    })
  }
  pen.line([box.x, bottom, box.x + box.width, bottom], { ink: 'quiet', width: 1, opacity: 0.6 })
  pen.text(box.x + box.width, bottom + 28, titles.x, { ink: 'faint', align: 'end', most: box.width })
  pen.text(11, box.y + box.height / 2, titles.y, { ink: 'faint', align: 'middle', turn: -90, most: box.height })
}

/** Words in the middle, where there is nothing to draw. */
export function drawEmpty(pen: Pen, { width, height }: Size, words: string): void {
  pen.text(width / 2, height / 2, words, { ink: 'faint', size: 12, align: 'middle', most: width - 20 })
}
