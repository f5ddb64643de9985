/** Lists the actors on the bus: asks all of them, and listens for as long as those who beat need to beat once. */
import {
  announce,
  announceActor,
  callActors,
  driverBeat,
  type ActorInfo,
  type WorkerInfo,
  type WorkerStatus,
} from '../../protocol/index.ts'
import { newId, systemClock, type Clock } from '../actor/index.ts'
import { hear, tell, type Bus } from '../bus/index.ts'

/** An actor as it is known: what it said of itself, and when it was heard last. */
export type FoundActor = {
  readonly id: string
  /** How long ago it was heard, in ms. */
  readonly heardMs: number
} &
  /** `info` null: it beats, and did not say who it is. */
  (
    | { readonly role: ActorInfo['role']; readonly info: ActorInfo | null; readonly experiments?: readonly string[] }
    | { readonly role: 'worker'; readonly info: WorkerInfo; readonly status: WorkerStatus }
  )

/** Drivers beat once a second. */
const listenMs = 1500

const order = ['driver', 'optimizer', 'ablator', 'pruner', 'worker'] as const

/** In the order of roles, then by name and identity. */
export async function findActors(bus: Bus, clock: Clock = systemClock): Promise<FoundActor[]> {
  const actors = new Map<string, { info: ActorInfo | null; experiments?: readonly string[]; at: number }>()
  const workers = new Map<string, { info: WorkerInfo; status: WorkerStatus; at: number }>()
  const now = () => clock.elapsed()
  const subscriptions = [
    hear(bus, announceActor, { actor: '*' }, (info, { actor }) => {
      actors.set(actor, { ...actors.get(actor), info, at: now() })
    }),
    hear(bus, driverBeat, { driver: '*' }, ({ experiments }, { driver }) => {
      actors.set(driver, { info: actors.get(driver)?.info ?? null, experiments, at: now() })
    }),
    hear(bus, announce, { worker: '*' }, ({ info, status }, { worker }) => {
      workers.set(worker, { info, status, at: now() })
    }),
  ]
  try {
    await bus.flush()
    tell(bus, callActors, { actor: newId('client') }, {})
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, listenMs))
  } finally {
    for (const subscription of subscriptions) subscription.unsubscribe()
  }
  const found: FoundActor[] = [
    ...[...actors].map(([id, { info, experiments, at }]): FoundActor => {
      const role = info?.role ?? 'driver'
      return { id, role, heardMs: now() - at, info, ...(experiments === undefined ? {} : { experiments }) }
    }),
    ...[...workers].map(([id, { info, status, at }]): FoundActor => {
      return { id, role: 'worker', heardMs: now() - at, info, status }
    }),
  ]
  const place = ({ role }: FoundActor) => order.indexOf(role)
  return found.sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1))
}
