/** Parallel coordinates with brushes: drag along an axis to keep a range, click an axis to let it go. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { boundsOf, ParallelChart, partsOf, type ParallelAxis } from '../charts/parallel.ts'
import type { Hit } from '../drawing/chart.ts'
import { CanvasPen, prepare } from './canvas-pen.ts'
import { SaveMenu, Tip, useSize } from './chart-box.tsx'
import type { PartProps } from './search.tsx'
import { theme } from './theme.ts'
import { change, choose, view } from './view-state.ts'

const height = 340
const mostAxes = 14
/** Lines that are drawn while the brush moves; all of them once it rests. */
const movingLines = 500
const restMs = 90

export function ParallelPanel({ store, standing, derived }: PartProps) {
  const { version, axis, mask, chosen, goodness } = derived
  const { bounds, log } = view.value
  const axes = useMemo((): ParallelAxis[] => {
    const names = store.trials.differing(standing.searched).slice(0, mostAxes)
    const columns = [
      ...names.map((name) => [`hparams.${name}`, name] as const),
      ...standing.objectives.map(({ metric }) => [`metrics.${metric}`, metric] as const),
    ]
    return columns.map(([column, title]) => ({ column, title, scale: axis(column) }))
  }, [version, axis, log, standing.objectives])
  const parts = useMemo(() => partsOf(store.trials, axes), [version, axes])
  const chart = useMemo(
    () => new ParallelChart(store.trials, { axes, shown: mask.shown, bounds, chosen, goodness }, parts),
    [parts, mask, bounds, chosen, goodness],
  )
  return (
    <section class="panel wide" aria-label="Parallel coordinates">
      <header class="panel-head">
        <h2>Parallel coordinates</h2>
        <div class="tools">
          <SaveMenu title="Parallel coordinates" chart={chart} height={height} />
        </div>
      </header>
      <p class="note">
        Drag along an axis to keep a range of it, click the axis to let it go. Brighter lines are better.
      </p>
      <ParallelCanvas chart={chart} ground={parts} />
    </section>
  )
}

/** Two canvases: the grey ground of all lines, which stays, and what the brush lets through. */
function ParallelCanvas({ chart, ground }: { readonly chart: ParallelChart; readonly ground: object }) {
  const frame = useRef<HTMLDivElement>(null)
  const below = useRef<HTMLCanvasElement>(null)
  const above = useRef<HTMLCanvasElement>(null)
  const drag = useRef<{ readonly axis: ParallelAxis; readonly from: number; moved: boolean } | null>(null)
  const [hit, setHit] = useState<Hit | null>(null)
  const size = useSize(frame, height)
  const colours = theme.value
  const ready = size.width > 0
  useEffect(() => {
    if (!ready || below.current === null) return
    chart.drawQuiet(new CanvasPen(prepare(below.current, size, window.devicePixelRatio), colours), size)
  }, [ground, size.width, colours])
  useLayoutEffect(() => {
    if (!ready || above.current === null) return undefined
    const canvas = above.current
    const draw = (most?: number) => {
      const pen = new CanvasPen(prepare(canvas, size, window.devicePixelRatio), colours)
      chart.drawShown(pen, size, most)
      chart.drawAxes(pen, size)
    }
    draw(movingLines)
    const timer = window.setTimeout(() => draw(), restMs)
    return () => window.clearTimeout(timer)
  }, [chart, size.width, colours])
  const brush = (event: PointerEvent) => {
    const current = drag.current
    if (current === null) return
    const at = chart.axisAt(event.offsetX, event.offsetY, size)?.part ?? partIn(event)
    current.moved ||= Math.abs(at - current.from) > 0.012
    if (!current.moved) return
    change({ bounds: { ...view.value.bounds, [current.axis.column]: boundsOf(current.axis.scale, current.from, at) } })
  }
  const partIn = (event: PointerEvent) => Math.min(1, Math.max(0, 1 - (event.offsetY - 46) / (height - 70)))
  const end = () => {
    const current = drag.current
    drag.current = null
    if (current === null || current.moved) return
    const { [current.axis.column]: _, ...rest } = view.value.bounds
    change({ bounds: rest })
  }
  return (
    <div class="canvas-frame" ref={frame} style={{ height: `${height}px` }}>
      <canvas
        class="layer"
        ref={below}
        aria-hidden="true"
        style={{ width: `${size.width}px`, height: `${height}px` }}
      />
      <canvas
        class="layer brushable"
        ref={above}
        role="img"
        aria-label={chart.summary}
        style={{ width: `${size.width}px`, height: `${height}px`, cursor: hit === null ? 'crosshair' : 'pointer' }}
        onPointerDown={(event) => {
          const found = chart.axisAt(event.offsetX, event.offsetY, size)
          if (found === null) return
          event.currentTarget.setPointerCapture(event.pointerId)
          drag.current = { axis: found.axis, from: found.part, moved: false }
          setHit(null)
        }}
        onPointerMove={(event) => {
          if (drag.current !== null) brush(event)
          else
            setHit(
              chart.axisAt(event.offsetX, event.offsetY, size) === null
                ? chart.hit(event.offsetX, event.offsetY, size)
                : null,
            )
        }}
        onPointerUp={end}
        onPointerLeave={() => setHit(null)}
        onClick={() => {
          if (hit?.trial !== undefined) choose(hit.trial)
        }}
      />
      {hit !== null && <Tip hit={hit} size={size} />}
    </div>
  )
}
