/**
 * A chart draws with a pen: on a canvas on the screen, into an SVG file when it is saved. One drawing for both, so that what is saved is
 * what is seen. Colours are names of the palette. Lengths are CSS pixels, y goes down.
 */
export type Ink =
  | 'text'
  | 'faint'
  | 'grid'
  | 'surface'
  | 'accent'
  | 'good'
  | 'bad'
  | 'warn'
  | 'quiet'
  | 'running'
  /** Of a series: the eight colours of the palette. */
  | `series${number}`
  /** Of a value between 0 (worst) and 1 (best). */
  | `scale${number}`

export interface Stroke {
  readonly ink: Ink
  readonly width?: number
  readonly opacity?: number
  readonly dash?: readonly number[]
}

export interface Fill {
  readonly ink: Ink
  readonly opacity?: number
}

export interface TextStyle {
  readonly ink?: Ink
  readonly size?: number
  readonly align?: 'start' | 'middle' | 'end'
  readonly bold?: boolean
  /** On ground of its own, where lines run behind it. */
  readonly halo?: boolean
  /** Degrees, clockwise. */
  readonly turn?: number
  /** Longer text is cut. */
  readonly most?: number
}

export interface Pen {
  /** x and y by turns; NaN breaks the line. */
  line(points: readonly number[], stroke: Stroke): void
  area(points: readonly number[], fill: Fill): void
  rect(x: number, y: number, width: number, height: number, fill: Fill): void
  circle(x: number, y: number, radius: number, fill: Fill): void
  text(x: number, y: number, text: string, style?: TextStyle): void
  /** Nothing that `draw` draws goes beyond this rectangle. */
  within(box: Box, draw: () => void): void
}

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Size {
  readonly width: number
  readonly height: number
}
