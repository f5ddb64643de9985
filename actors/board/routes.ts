/** Routes of the board, by path. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, problem } from '../../protocol/index.ts'
import { busMeasure, packageRoot, type ActorEnvironment, type Measure } from '../../src/actor/index.ts'
import type { PageMaker } from '../../src/prometheus/index.ts'
import { fullCurves, importanceIn, reportPage } from '../../src/board/index.ts'
import { controlOf } from './control.ts'
import { indexPage } from './documents.ts'
import type { Hub } from './hub.ts'
import { answerHtml, answerJson, answerProblem, jsonBody, metricsPath, type Asked, type Route } from './web.ts'

/** Curves that one question may ask for. */
const mostCurves = 2_000
const idPattern = '([A-Za-z0-9_-]{1,128})'

interface RouteSettings {
  readonly control: boolean
  readonly measures: () => Iterable<Measure>
}

export async function routesOf(env: ActorEnvironment, hub: Hub, settings: RouteSettings): Promise<Route[]> {
  const { control } = settings
  const folder = join(packageRoot(), 'dist', 'src', 'board', 'page')
  const [script, style] = await Promise.all([file(join(folder, 'board.js')), file(join(folder, 'board.css'))])
  const { bus } = env
  return [
    get('/', ({ response }) => answerHtml(response, 200, indexPage)),
    get(
      '/board.js',
      ({ response }) => void response.setHeader('Content-Type', 'text/javascript; charset=utf-8').end(script),
    ),
    get('/board.css', ({ response }) => void response.setHeader('Content-Type', 'text/css; charset=utf-8').end(style)),
    get('/api/events/home', async (asked) => void (await hub.joinHome(asked.response, lastIdOf(asked)))),
    get('/api/events/fleet', async ({ response }) => void (await hub.joinFleet(response))),
    get(`/api/events/experiment/${idPattern}`, async (asked) => {
      const [experiment = ''] = asked.parts
      if (!(await hub.joinExperiment(experiment, asked.response, lastIdOf(asked)))) unknown(asked, experiment)
    }),
    get(`/api/events/output/${idPattern}/(\\d{1,9})`, async (asked) => {
      const [experiment = '', trial] = asked.parts
      if (!(await hub.joinOutput(experiment, Number(trial), asked.response, lastIdOf(asked))))
        unknown(asked, experiment)
    }),
    get(`/api/curves/${idPattern}`, async (asked) => {
      const [experiment = ''] = asked.parts
      const look = await hub.look(experiment)
      if (look === undefined) return unknown(asked, experiment)
      await look.curves.ready
      answerJson(asked.response, 200, look.curves.of(numbersOf(asked.url.searchParams.get('trials'))))
    }),
    get(`/api/points/${idPattern}/(\\d{1,9})`, async (asked) => {
      const [experiment = '', trial] = asked.parts
      if ((await hub.look(experiment)) === undefined) return unknown(asked, experiment)
      answerJson(asked.response, 200, await fullCurves(bus, experiment, Number(trial)))
    }),
    get(`/api/importance/${idPattern}`, async (asked) => {
      const [experiment = ''] = asked.parts
      const look = await hub.look(experiment)
      if (look === undefined) return unknown(asked, experiment)
      answerJson(asked.response, 200, importanceIn(look.watched.reading))
    }),
    get(`/api/report/${idPattern}`, async (asked) => {
      const [experiment = ''] = asked.parts
      if ((await hub.look(experiment)) === undefined) return unknown(asked, experiment)
      asked.response.setHeader('Content-Disposition', `attachment; filename="${experiment}.html"`)
      answerHtml(asked.response, 200, await reportPage(bus, experiment))
    }),
    get('/api/optimizers', ({ response }) => {
      hub.presence.call()
      const served = hub.presence.actors().flatMap(({ role, serves }) => (role === 'optimizer' ? serves : []))
      answerJson(response, 200, [...new Set(served.map(({ name }) => name))])
    }),
    get(metricsPath, metricsOf(env, settings)),
    {
      method: 'POST',
      path: new RegExp(`^/api/control/${idPattern}/([a-z-]{1,32})$`),
      handle: async ({ request, response, parts: [experiment = '', name = ''] }) => {
        const wanted = controlOf(name)
        if (!control) return answerProblem(response, 403, problem('BOARD_READ_ONLY', {}))
        if (wanted === undefined)
          return answerJson(response, 404, { error: { code: 'UNKNOWN', message: 'no such control' } })
        try {
          answerJson(response, 200, await wanted(bus, experiment, await jsonBody(request)))
        } catch (error) {
          // Nobody answered for as long as a person waits.
          const isLate = error instanceof DOMException
          if (codeOf(error) === undefined && !isLate) throw error
          answerProblem(response, 409, isLate ? problem('EXPERIMENT_UNOWNED', { experiment }) : error)
        }
      },
    },
  ]
}

/** Loaded by those who ask for it. */
function metricsOf({ bus }: ActorEnvironment, { measures }: RouteSettings): Route['handle'] {
  let page: Promise<PageMaker> | undefined
  const make = async () => {
    const { pageOf } = await import('../../src/prometheus/index.ts')
    return pageOf(() => [...measures(), busMeasure(bus)])
  }
  return async ({ response }) => {
    const { contentType, text } = await (await (page ??= make()))()
    response.setHeader('Content-Type', contentType).end(text)
  }
}

function get(path: string, handle: Route['handle']): Route {
  return { method: 'GET', path: new RegExp(`^${path}$`), handle }
}

/** A browser that comes back says up to where it knows everything: by itself in a header, after a pause of its own in the address. */
function lastIdOf({ request, url }: Asked): string | undefined {
  const header = request.headers['last-event-id']
  return (typeof header === 'string' ? header : undefined) ?? url.searchParams.get('after') ?? undefined
}

function unknown({ response }: Asked, experiment: string): void {
  answerProblem(response, 404, problem('EXPERIMENT_UNKNOWN', { experiment }))
}

function numbersOf(text: string | null): number[] {
  const numbers = (text ?? '').split(',').map(Number)
  return numbers.filter((number) => Number.isSafeInteger(number) && number >= 0).slice(0, mostCurves)
}

async function file(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw problem('INTERNAL', { reason: `there is no ${path}: \`npm run build\` makes it` }, { cause: error })
  }
}
