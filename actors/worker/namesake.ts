/**
 * Two workers of one name: drivers would take them for one, and only one would be given trials. Whoever is there first keeps the name.
 * I1 One that starts asks; whoever is announced under the name says that it is there, and the asker ends. Of two that start at once, the one
 *    with the smaller instance stays.
 * I2 One that was announced long ago stays, whatever it hears: two that have met after a partition both have trials to end.
 */
import { namesake } from '../../protocol/index.ts'
import { newId, type Clock } from '../../src/actor/index.ts'
import { hear, tell, type Bus, type OnDropped } from '../../src/bus/index.ts'

export interface Namesakes {
  /** Somebody else has the name: whatever is said under it is theirs to say. */
  readonly isTaken: boolean
  /** The connection is there, or there again. */
  connected(): void
  /** This worker has been announced. */
  present(): void
  end(): void
}

/** An answer comes within so long, or nobody is there. */
const answerMs = 2_000

export function watchNamesakes(options: {
  readonly bus: Bus
  readonly clock: Clock
  readonly worker: string
  readonly onDropped?: OnDropped
  /** Called once, when `isTaken` has become true. */
  readonly onTaken: () => void
  readonly onNotice: (text: string) => void
}): Namesakes {
  const { bus, clock, worker, onDropped, onTaken, onNotice } = options
  const mine = newId('instance')
  let standing: 'asking' | 'present' | 'taken' = 'asking'
  let askedAt = -Infinity
  /** It may still be told that it came second. */
  const isNew = () => standing === 'asking' || (standing === 'present' && clock.elapsed() - askedAt < answerMs)
  const say = (there: boolean): void => {
    tell(bus, namesake, { worker }, { instance: mine, there })
  }
  const yieldName = (): void => {
    standing = 'taken'
    onTaken()
  }
  const subscription = hear(
    bus,
    namesake,
    { worker },
    ({ instance, there }) => {
      if (instance === mine || standing === 'taken') return
      const isFirst = !isNew() || (!there && mine < instance)
      if (!isFirst) yieldName()
      else if (there) onNotice(`there is another worker named ${worker}: drivers take the two for one; end one of them`)
      else say(true)
    },
    onDropped === undefined ? {} : { onDropped },
  )
  const ask = (): void => {
    askedAt = clock.elapsed()
    say(false)
  }
  ask()
  return {
    get isTaken() {
      return standing === 'taken'
    },
    connected: () => {
      if (standing === 'asking') ask()
      else if (standing === 'present') say(true)
    },
    present: () => {
      if (standing === 'asking') standing = 'present'
    },
    end: () => {
      subscription.unsubscribe()
    },
  }
}
