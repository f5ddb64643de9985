/** A chart on the page: its heading, its canvas, what lies under the pointer, and how it is saved. */
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { csvOf, type Chart, type Hit } from '../drawing/chart.ts'
import type { Size } from '../drawing/pen.ts'
import { svgOf } from '../drawing/svg-pen.ts'
import { inLine } from '../words.ts'
import { CanvasPen, prepare } from './canvas-pen.ts'
import { save } from './save.ts'
import { theme } from './theme.ts'

export interface ChartBoxProps {
  readonly title: string
  readonly chart: Chart
  readonly height?: number
  /** Beside the heading. */
  readonly tools?: ComponentChildren
  /** Below the heading. */
  readonly note?: ComponentChildren
  readonly wide?: boolean
  readonly onPick?: (trial: number) => void
}

export function ChartBox({ title, chart, height = 260, tools, note, wide, onPick }: ChartBoxProps) {
  return (
    <section class={wide === true ? 'panel wide' : 'panel'} aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        <div class="tools">
          {tools}
          <SaveMenu title={title} chart={chart} height={height} />
        </div>
      </header>
      {note !== undefined && <p class="note">{note}</p>}
      <ChartCanvas chart={chart} height={height} {...(onPick === undefined ? {} : { onPick })} />
    </section>
  )
}

export function ChartCanvas({
  chart,
  height,
  onPick,
}: {
  readonly chart: Chart
  readonly height: number
  readonly onPick?: (trial: number) => void
}) {
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(frame, height)
  const [hit, setHit] = useState<Hit | null>(null)
  const colours = theme.value
  useLayoutEffect(() => {
    if (canvas.current === null || size.width === 0) return
    chart.draw(new CanvasPen(prepare(canvas.current, size, window.devicePixelRatio), colours), size)
  }, [chart, size.width, size.height, colours])
  const under = (event: MouseEvent): Hit | null => chart.hit?.(event.offsetX, event.offsetY, size) ?? null
  return (
    <div class="canvas-frame" ref={frame} style={{ height: `${height}px` }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={chart.summary}
        style={{
          width: `${size.width}px`,
          height: `${size.height}px`,
          cursor: hit?.trial !== undefined && onPick !== undefined ? 'pointer' : 'default',
        }}
        onMouseMove={(event) => setHit(under(event))}
        onMouseLeave={() => setHit(null)}
        onClick={(event) => {
          const trial = under(event)?.trial
          if (trial !== undefined) onPick?.(trial)
        }}
      />
      {hit !== null && <Tip hit={hit} size={size} />}
    </div>
  )
}

export function Tip({ hit, size }: { readonly hit: Hit; readonly size: Size }) {
  const right = hit.x > size.width / 2
  const style = {
    top: `${Math.max(4, Math.min(hit.y - 10, size.height - 60))}px`,
    ...(right ? { right: `${size.width - hit.x + 14}px` } : { left: `${hit.x + 14}px` }),
  }
  return (
    <div class="tip" style={style} aria-hidden="true">
      <strong>{inLine(hit.title)}</strong>
      {hit.lines.map((line) => (
        <div key={line}>{inLine(line)}</div>
      ))}
    </div>
  )
}

/** How wide its place is; the height is given. */
export function useSize(frame: { readonly current: HTMLElement | null }, height: number): Size {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const element = frame.current
    if (element === null) return undefined
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    setWidth(element.clientWidth)
    return () => observer.disconnect()
  }, [])
  return { width, height }
}

/** Wide enough to be read in a paper. */
const savedWidth = 900

export function SaveMenu({
  title,
  chart,
  height,
}: {
  readonly title: string
  readonly chart: Chart
  readonly height: number
}) {
  const menu = useRef<HTMLDetailsElement>(null)
  const size = { width: savedWidth, height: Math.max(height, 320) }
  const name = title.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const saved = (write: () => void) => () => {
    write()
    menu.current?.removeAttribute('open')
  }
  return (
    <details class="save" ref={menu}>
      <summary aria-label={`Save ${title}`} title="Save">
        ⤓
      </summary>
      <div class="save-list">
        <button
          type="button"
          onClick={saved(() =>
            save(
              `${name}.svg`,
              'image/svg+xml',
              svgOf(size, theme.value, title, (pen) => chart.draw(pen, size)),
            ),
          )}
        >
          SVG
        </button>
        <button type="button" onClick={saved(() => savePng(`${name}.png`, chart, size))}>
          PNG
        </button>
        <button type="button" onClick={saved(() => save(`${name}.csv`, 'text/csv', csvOf(chart.numbers())))}>
          CSV
        </button>
      </div>
    </details>
  )
}

function savePng(name: string, chart: Chart, size: Size): void {
  const canvas = document.createElement('canvas')
  const pen = new CanvasPen(prepare(canvas, size, 2), theme.value)
  pen.rect(0, 0, size.width, size.height, { ink: 'surface' })
  chart.draw(pen, size)
  canvas.toBlob((blob) => {
    if (blob !== null) save(name, 'image/png', blob)
  })
}
