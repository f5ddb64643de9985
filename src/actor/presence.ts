/** How an actor is found by those who ask who is on the bus: it says who it is when it starts, and whenever the roll is called. */
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { announceActor, callActors, type ActorInfo } from '../../protocol/index.ts'
import { hear, tell, type Bus, type OnDropped, type Subscription } from '../bus/index.ts'

/** The part of its presence that an actor adds to that of its process. */
export type Presence = Pick<ActorInfo, 'role' | 'serves' | 'load'>

const startedAt = Date.now()

/** Announces now, and at every roll-call until it is unsubscribed. `who` is asked each time, for its load changes. */
export function announcePresence(bus: Bus, actor: string, who: () => Presence, onDropped?: OnDropped): Subscription {
  const say = (): void => {
    const { version } = createRequire(import.meta.url)('maggy/package.json') as { version: string }
    tell(
      bus,
      announceActor,
      { actor },
      {
        ...who(),
        language: 'TypeScript',
        versions: { maggy: version, node: process.versions.node },
        host: hostname().slice(0, 128),
        pid: process.pid,
        startedAt,
      },
    )
  }
  say()
  return hear(bus, callActors, { actor: '*' }, say, onDropped === undefined ? {} : { onDropped })
}
