/** The smallest actor, for tests of what runs actors: it answers on `echo.<id>`, and may be slow to drain or fail to start. */
import { runActor } from '../../src/actor/index.ts'

interface EchoOptions {
  slow?: boolean
  fail?: string
  end?: boolean
  starts?: 'never' | 'unready' | 'cut'
}

await runActor<EchoOptions>({
  name: 'echo',
  description: 'Answers with what it was told.',
  roles: [],
  options: (command) =>
    command
      .option('--slow', 'never ends draining')
      .option('--fail <how>', 'throws instead of starting')
      .option('--end', 'ends by itself when it is told to')
      .option('--starts <how>', 'never, so far that it can be drained but is not ready, or until the bus is cut'),
  async start({ bus, id, logger }, options) {
    if (options.fail) throw new Error(options.fail)
    if (options.starts !== undefined) logger.info('starting')
    if (options.starts === 'never') return await new Promise<never>(() => {})
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    bus.subscribe(`echo.${id}`, (delivery) => {
      delivery.respond(delivery.data)
      if (options.end) end()
    })
    if (options.starts === 'cut') {
      await new Promise<void>((resolve) => {
        bus.onStatus((status) => {
          if (status === 'disconnected') resolve()
        })
      })
    }
    return {
      ended,
      ...(options.starts === 'unready' ? { ready: new Promise<void>(() => {}) } : {}),
      async drain(reason) {
        logger.info(`drained: ${reason}`)
        if (options.slow) await new Promise(() => {})
      },
    }
  },
})
