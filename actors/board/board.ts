/**
 * The board: what runs on the bus, for people with a browser. It only reads, holds nothing of its own, and may be started and killed
 * at will.
 */
import { randomBytes } from 'node:crypto'
import { isProblem } from '../../protocol/index.ts'
import { patiently, type ActorDefinition, type ActorEnvironment, type RunningActor } from '../../src/actor/index.ts'
import { Experiments } from './experiments.ts'
import { Hub } from './hub.ts'
import { boardMeasures } from './measures.ts'
import { boardOptions, usualPort, type BoardFlags } from './options.ts'
import { routesOf } from './routes.ts'
import { startWeb, type Web } from './web.ts'

export const board: ActorDefinition<BoardFlags> = {
  name: 'board',
  description: 'Shows experiments and the fleet to browsers, live.',
  roles: ['board', 'client', 'driver'],
  options: boardOptions,
  start: startBoard,
}

async function startBoard(env: ActorEnvironment, flags: BoardFlags): Promise<RunningActor> {
  const { bus, clock, logger } = env
  await patiently({ clock, logger }, () => bus.streams.ensure())
  let hub: Hub | undefined
  const experiments = new Experiments(bus, (experiment) => hub?.changes(experiment))
  hub = new Hub(env, experiments, flags.control)
  const { caughtUp, ended } = experiments.start()
  await Promise.race([caughtUp, ended])
  // An empty one is none: files of environments name variables that nobody has set.
  const token = flags.boardToken || randomBytes(18).toString('base64url')
  const { host, allowHost } = flags
  const measures = () => boardMeasures(experiments, hub.presence, hub.readers)
  const routes = await routesOf(env, hub, { control: flags.control, measures })
  const listen = (port: number) => startWeb({ port, host, access: { token, hosts: allowHost }, logger }, routes)
  const web = await (flags.port === undefined ? listenSomewhere(listen) : listen(flags.port))
  hub.presence.call()
  const [name = '127.0.0.1'] = allowHost
  // A name with a port is that of a proxy before it.
  const origin = `http://${/:\d+$/.test(name) ? name : `${name}:${web.port}`}/`
  const address = `${origin}?token=${token}`
  // A log is read by many. Only a token that nobody gave stands in it, for nobody could know it otherwise.
  logger.info({ address: flags.boardToken === undefined ? address : `${origin}?token=…` }, 'open this')
  return {
    address,
    ended,
    measures,
    async drain() {
      experiments.close()
      hub.close()
      await web.close()
    },
  }
}

async function listenSomewhere(listen: (port: number) => Promise<Web>): Promise<Web> {
  try {
    return await listen(usualPort)
  } catch (error) {
    if (!isProblem(error, 'BOARD_PORT_IN_USE')) throw error
    return await listen(0)
  }
}
